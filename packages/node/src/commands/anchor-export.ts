import { existsSync, writeFileSync } from "node:fs";
import { error } from "@meterseal/core";
import { type Command, integerOption, requiredOption } from "../cli/arguments.ts";
import { out } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { requireDirectory } from "../files.ts";

/** `meterseal anchor export`: a proof of an anchor as a file for somebody else. */
export const anchorExportCommand: Command = {
    name: "anchor export",
    summary: "writes the proof of an anchor, which is checked without any node",
    options: {
        data: { kind: "value", value: "DIR", help: "directory that meterseal anchor works in" },
        size: { kind: "value", value: "N", help: "anchor of so many entries (the largest)" },
        out: { kind: "value", value: "FILE", help: "new file, such as anchor.json" },
        json: { kind: "flag", help: "prints what was written as JSON" },
    },
    examples: ["meterseal anchor export --data .meterseal/demo --out anchor.json"],
    async run(options) {
        const data = requiredOption(options, "data", "DIR");
        const path = requiredOption(options, "out", "FILE");
        requireDirectory(data);
        if (existsSync(path)) {
            const expected = "--out with a file that is not there yet";
            throw error("MS_USAGE", { where: path, expected });
        }
        const bounds = { min: 0, max: Number.MAX_SAFE_INTEGER, byDefault: 0 };
        const size = integerOption(options, "size", bounds);
        const { findProof } = await import("../anchor/place.ts");
        const proof = findProof(data, size === 0 ? null : size);
        const { formatAnchorProof } = await import("@meterseal/engines/evm");
        writeFileSync(path, formatAnchorProof(proof), { flag: "wx", flush: true });
        const facts = { path, size: proof.size, block: proof.block.number, chainId: proof.chainId };
        if (options.json === true) out(JSON.stringify(facts));
        else out(`${path}: ${proof.size} entries, block ${proof.block.number}`);
        return EXIT.ok;
    },
};
