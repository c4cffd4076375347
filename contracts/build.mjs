// Compiles contracts/src and writes {abi, bytecode, compiler settings} of each deployable contract to a folder.
// Usage: node build.mjs OUTPUT_FOLDER
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const solc = createRequire(import.meta.url)("solc");
const here = dirname(fileURLToPath(import.meta.url));
const output = process.argv[2];
if (!output) throw new Error("usage: node build.mjs OUTPUT_FOLDER");

const DEPLOYED = ["NodeRegistry", "Settlement"];
const COMPILER = "0.8.37";
const settings = {
  optimizer: { enabled: true, runs: 1000 },
  viaIR: true,
  evmVersion: "cancun",
  // Without metadata the code depends on nothing but the sources and these settings.
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  debug: { revertStrings: "default" },
};

if (!solc.version().startsWith(`${COMPILER}+`)) throw new Error(`needs solc ${COMPILER}, found ${solc.version()}`);
const sources = Object.fromEntries(
  readdirSync(join(here, "src"))
    .filter((name) => name.endsWith(".sol"))
    .sort()
    .map((name) => [name, { content: readFileSync(join(here, "src", name), "utf8") }]),
);
const wanted = { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } };
const input = { language: "Solidity", sources, settings: { ...settings, outputSelection: wanted } };
const compiled = JSON.parse(solc.compile(JSON.stringify(input)));
const problems = compiled.errors ?? [];
for (const problem of problems) console.error(problem.formattedMessage);
if (problems.length > 0) process.exit(1);

mkdirSync(output, { recursive: true });
for (const name of DEPLOYED) {
  const { abi, evm } = compiled.contracts[`${name}.sol`][name];
  const size = evm.deployedBytecode.object.length / 2;
  if (size > 24576) throw new Error(`${name}: ${size} bytes exceed the EIP-170 limit of 24576`);
  const artifact = { contract: name, compiler: COMPILER, settings, abi, bytecode: `0x${evm.bytecode.object}` };
  writeFileSync(join(output, `${name}.json`), `${JSON.stringify(artifact, null, 1)}\n`);
  console.log(`${name}: ${size} bytes of code`);
}
