import { existsSync } from "node:fs";
import { error } from "@meterseal/core";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, say } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { writeSecret } from "../files.ts";

/** `meterseal anchor key`: makes the key of an account on an EVM chain. */
export const anchorKeyCommand: Command = {
    name: "anchor key",
    summary: "makes the key of an account that anchors, and prints its address",
    options: {
        out: { kind: "value", value: "FILE", help: "new file for the key, for its owner only" },
        json: { kind: "flag", help: "prints the address as JSON" },
    },
    examples: ["meterseal anchor key --out account.key"],
    async run(options) {
        const path = requiredOption(options, "out", "FILE");
        if (existsSync(path)) {
            const expected = "--out with a file that is not there yet";
            throw error("MS_USAGE", { where: path, expected });
        }
        const { makeAccountKey } = await import("../anchor/account-key.ts");
        const { address, text } = makeAccountKey();
        writeSecret(path, text);
        if (options.json === true) out(JSON.stringify({ address, path }));
        else {
            out(address);
            say(`Its key: ${path}. Give the account what transactions cost on your chain.`);
        }
        return EXIT.ok;
    },
};
