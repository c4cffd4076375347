// Writes tests/vectors/merkle.json with OpenZeppelin's own StandardMerkleTree.
// Usage: node merkle_vectors.mjs  (needs the npm packages of package.json)
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const { StandardMerkleTree } = createRequire(import.meta.url)("@openzeppelin/merkle-tree");
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 16, 33];

const word = (text) => `0x${createHash("sha256").update(text).digest("hex")}`;
const cases = SIZES.map((size) => {
  const leaves = Array.from({ length: size }, (_, number) =>
    ["digest", "r", "vs"].map((part) => word(`${part} ${size} ${number}`)),
  );
  const tree = StandardMerkleTree.of(leaves, ["bytes32", "bytes32", "bytes32"]);
  const shown = [...new Set([0, size >> 1, size - 1])];
  return {
    size,
    root: tree.root,
    proofs: shown.map((number) => ({
      number,
      leaf: tree.leafHash(leaves[number]),
      proof: tree.getProof(leaves[number]),
    })),
  };
});
const file = {
  source: "@openzeppelin/merkle-tree 1.0.8, StandardMerkleTree; written by contracts/merkle_vectors.mjs",
  words: "word i of leaf n in a tree of s leaves is sha256('<digest|r|vs> <s> <n>')",
  cases,
};
const path = join(dirname(fileURLToPath(import.meta.url)), "..", "tests", "vectors", "merkle.json");
writeFileSync(path, `${JSON.stringify(file, null, 1)}\n`);
