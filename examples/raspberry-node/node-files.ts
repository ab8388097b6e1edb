import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBase64, fromHex, type PublicKey, type Signer, unwrap } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { parseEnrolment } from "@meterseal/record";

/** What a node has in its directory, beside what only `meterseal` needs. */
export type NodeFiles = {
    readonly subjectHex: string;
    readonly signer: Signer;
    readonly network: Uint8Array;
    readonly collectorKey: PublicKey;
};

/** Reads the directory of a node that the operator has registered. */
export function readNode(directory: string): NodeFiles {
    const read = (name: string): string => readFileSync(join(directory, name), "utf8");
    const request = JSON.parse(read("request.json")) as { subject: string };
    const answer = JSON.parse(read("enrolment.json")) as { network: string; collector: string };
    return {
        subjectHex: request.subject,
        signer: signerFromPem(read("meter.pem")),
        network: fromHex(answer.network),
        collectorKey: unwrap(parseEnrolment(fromBase64(answer.collector))).key,
    };
}
