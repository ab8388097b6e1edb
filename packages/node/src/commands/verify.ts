import { error, unwrap } from "@meterseal/core";
import { type Command, requiredOption, textOption } from "../cli/arguments.ts";
import { hashOption, networkOption } from "../cli/network-option.ts";
import { out, Progress } from "../console.ts";
import { EXIT } from "../exit-codes.ts";
import { readPolicy } from "../server/witnesses.ts";
import { formatReport } from "../verify/report.ts";
import { loadKeyFiles, type VerifyOptions, verifyDirectory } from "../verify/verify.ts";
import { verifyCar } from "../verify/verify-car.ts";

/** `meterseal verify`: the auditor's check of a data directory or an archive, without a server. */
export const verifyCommand: Command = {
    name: "verify",
    positional: "FILE.car",
    summary: "checks every signature, link, proof and checkpoint of a data directory, offline",
    options: {
        data: { kind: "value", value: "DIR", help: "data directory, in the place of an archive" },
        key: {
            kind: "values",
            value: "FILE",
            help: "key file of a household: checks its sealed registers too; may be repeated",
        },
        commitments: {
            kind: "flag",
            help: "with --key: checks also that each commitment hides its register",
        },
        network: {
            kind: "value",
            value: "ID",
            help: "network that it must be, as its operator names it",
        },
        validators: {
            kind: "value",
            value: "HASH",
            help: "first validators of a network of several: asks for what they signed",
        },
        "witness-policy": {
            kind: "value",
            value: "FILE",
            help: "asks for the cosignatures of this policy (C2SP tlog-policy)",
        },
        anchor: {
            kind: "values",
            value: "FILE",
            help: "proof of an anchor on an EVM chain, beside those of DIR; may be repeated",
        },
        rpc: {
            kind: "value",
            value: "URL",
            help: "node of that chain: checks there that it has the anchors' blocks",
        },
        json: { kind: "flag", help: "prints the report as JSON" },
    },
    examples: [
        "meterseal verify --data .meterseal/demo",
        "meterseal verify --data .meterseal/demo --key .meterseal/demo/households/MAC000515/key.json",
        "meterseal verify ledger.car --witness-policy policy.txt",
    ],
    async run(options, [file]) {
        const paths = Array.isArray(options.key) ? options.key : [];
        if (options.commitments === true && paths.length === 0) {
            throw error("MS_USAGE", { expected: "--key FILE beside --commitments" });
        }
        const dataDir = textOption(options, "data");
        if ((file === undefined) === (dataDir === undefined)) {
            throw error("MS_USAGE", { expected: "either --data DIR or a FILE.car" });
        }
        const keys = unwrap(loadKeyFiles(paths));
        const policyPath = textOption(options, "witness-policy");
        const asked: VerifyOptions = {
            commitments: options.commitments === true,
            network: networkOption(options),
            validators: hashOption(options, "validators"),
            policy: policyPath === undefined ? null : readPolicy(policyPath),
            anchors: Array.isArray(options.anchor) ? options.anchor : [],
            anchorRpc: textOption(options, "rpc") ?? null,
        };
        const bar = new Progress();
        const show = (done: number, text: string): void => bar.show(done, text);
        const report =
            file === undefined
                ? await verifyDirectory(requiredOption(options, "data", "DIR"), keys, show, asked)
                : await verifyCar(file, keys, show, asked);
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
