// Compiles contracts/*.sol. What comes out is kept beside the code that uses it, so that nobody needs
// a compiler to use or to check it: `node scripts/compile-contracts.mjs` says whether it is what the
// sources make, `--write` writes it anew.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import solc from "solc";
import { root } from "./workspace.mjs";

const SOURCES = join(root, "contracts");
const COMPILED = join(root, "packages", "engines", "src", "evm", "compiled");

/** Older chains run the code as well; the bytes depend on nothing but sources and compiler. */
const SETTINGS = {
    evmVersion: "paris",
    optimizer: { enabled: true, runs: 1000 },
    metadata: { bytecodeHash: "none", appendCBOR: false },
    outputSelection: {
        "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] },
    },
};

/** Files of compiled contracts, by name, with their text. */
function compileContracts() {
    const names = readdirSync(SOURCES).filter((name) => name.endsWith(".sol"));
    const sources = Object.fromEntries(
        names.map((name) => [name, { content: readFileSync(join(SOURCES, name), "utf8") }]),
    );
    const input = { language: "Solidity", sources, settings: SETTINGS };
    const output = JSON.parse(solc.compile(JSON.stringify(input)));
    const [problem] = output.errors ?? [];
    if (problem !== undefined) throw new Error(problem.formattedMessage);
    const contracts = Object.values(output.contracts).flatMap(Object.entries);
    return new Map(
        contracts
            .filter(([, { evm }]) => evm.bytecode.object !== "")
            .map(([name, { abi, evm }]) => [fileOf(name), textOf(name, abi, evm)]),
    );
}

/** Text of a compiled contract as it is kept; undefined where there is none. */
function keptContract(file) {
    const path = join(COMPILED, file);
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}

const fileOf = (name) =>
    `${name.replace(/(?<=[a-z])[A-Z]/g, (letter) => `-${letter}`).toLowerCase()}.json`;

function textOf(name, abi, evm) {
    const compiled = {
        name,
        abi,
        bytecode: `0x${evm.bytecode.object}`,
        runtime: `0x${evm.deployedBytecode.object}`,
    };
    return `${JSON.stringify(compiled, null, 4)}\n`;
}

const compiled = compileContracts();
const stale = [...compiled].filter(([file, text]) => keptContract(file) !== text);
if (process.argv.includes("--write")) {
    mkdirSync(COMPILED, { recursive: true });
    for (const [file, text] of stale) writeFileSync(join(COMPILED, file), text);
} else process.exitCode = stale.length === 0 ? 0 : 1;
for (const [file, text] of compiled) {
    const bytes = (JSON.parse(text).runtime.length - 2) / 2;
    const isStale = stale.some(([name]) => name === file);
    console.error(`${file}: ${bytes} bytes of code, ${isStale ? "not as kept" : "as kept"}`);
}
