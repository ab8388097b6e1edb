import { error, unwrap } from "@meterseal/core";
import { type Command, requiredOption } from "../cli/arguments.ts";
import { out, Progress } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { formatReport } from "../verify/report.ts";
import { loadKeyFiles, verifyDirectory } from "../verify/verify.ts";

/** `meterseal verify`: the auditor's check of a data directory, without a server. */
export const verifyCommand: Command = {
    name: "verify",
    summary: "checks every signature, link, proof and checkpoint of a data directory, offline",
    options: {
        data: { kind: "value", value: "DIR", help: "data directory" },
        key: {
            kind: "values",
            value: "FILE",
            help: "key file of a household: checks its sealed registers too; may be repeated",
        },
        commitments: {
            kind: "flag",
            help: "with --key: checks also that each commitment hides its register",
        },
        json: { kind: "flag", help: "prints the report as JSON" },
    },
    examples: [
        "meterseal verify --data .meterseal/demo",
        "meterseal verify --data .meterseal/demo --key .meterseal/demo/households/MAC000515/key.json",
    ],
    async run(options) {
        const paths = Array.isArray(options.key) ? options.key : [];
        if (options.commitments === true && paths.length === 0) {
            throw error("MS_USAGE", { expected: "--key FILE beside --commitments" });
        }
        const keys = unwrap(loadKeyFiles(paths));
        const bar = new Progress();
        const report = await verifyDirectory(
            requiredOption(options, "data", "DIR"),
            keys,
            (done, text) => bar.show(done, text),
            { commitments: options.commitments === true },
        );
        bar.finish(`checked in ${bar.seconds.toFixed(1)} s`);
        const holds = report.faults.length === 0;
        out(
            options.json === true
                ? JSON.stringify({ verified: holds, ...report })
                : formatReport(report),
        );
        return holds ? EXIT.ok : EXIT.fault;
    },
};
