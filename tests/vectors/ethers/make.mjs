// Lets ethers sign, and OpenZeppelin's merkle-tree hash, what receipts.json holds.
// npm install ethers @openzeppelin/merkle-tree && node make.mjs
import { readFileSync, writeFileSync } from "node:fs";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { TypedDataEncoder, Wallet, Signature, version } from "ethers";

const here = new URL(".", import.meta.url);
const vectors = JSON.parse(readFileSync(new URL("../receipts.json", here)));
const wallet = new Wallet("0x" + vectors.secret);
const domain = {
  name: "OpenGradient Receipt",
  version: "1",
  chainId: vectors.domain.chainId,
  verifyingContract: vectors.domain.settlementContract,
};
const types = { InferenceReceipt: vectors.types };
const leaves = [];
const receipts = [];
for (const item of vectors.receipts) {
  const digest = TypedDataEncoder.hash(domain, types, item.receipt);
  const signature = await wallet.signTypedData(domain, types, item.receipt);
  const { r, yParityAndS } = Signature.from(signature);
  leaves.push([digest, r, yParityAndS]);
  receipts.push({ id: item.id, digest, signature, vs: yParityAndS });
}
const batches = vectors.batches.map((batch) => {
  const tree = StandardMerkleTree.of(leaves.slice(0, batch.leaves.length), ["bytes32", "bytes32", "bytes32"]);
  const proofs = leaves.slice(0, batch.leaves.length).map((leaf) => tree.getProof(leaf));
  return { id: batch.id, root: tree.root, proofs };
});
const out = { about: `made by tests/vectors/ethers/make.mjs with ethers ${version}`, address: wallet.address, receipts, batches };
writeFileSync(new URL("receipts_by_ethers.json", here), JSON.stringify(out, null, 1) + "\n");
