import type { MeterLink, PublicKey, Signer } from "@meterseal/core";
import { generatePrivateKeyPem, signerFromPem } from "@meterseal/core/node";
import { COLLECTOR_NAME, enrolledCredential } from "@meterseal/links/edhoc";
import { createTcpMeterLink } from "@meterseal/links/tcp";
import { createLinkToken, parseUnsignedReceipt } from "@meterseal/record";
import type { NodeFiles } from "./node-files.ts";

/** A key that nobody registered. */
export function strangerKey(): Signer {
    return signerFromPem(generatePrivateKeyPem("es256"));
}

/** What somebody shows to a server. */
export type Claim = {
    /** Whom it says that it is. */
    readonly subjectHex: string;
    /** The key that it names … */
    readonly key: PublicKey;
    /** … and the one that it has. */
    readonly signer: Signer;
    readonly collectorKey: PublicKey;
    readonly network: Uint8Array;
};

function linkOf(url: string, claim: Claim, warn: (reason: string) => void): MeterLink {
    const collector = enrolledCredential(COLLECTOR_NAME, claim.collectorKey);
    const subject = Uint8Array.fromHex(claim.subjectHex);
    return createTcpMeterLink({
        url,
        subjectHex: claim.subjectHex,
        own: { ...enrolledCredential(claim.subjectHex, claim.key), signer: claim.signer },
        find: (id) => (Buffer.from(id).equals(collector.id) ? collector : null),
        token: () =>
            createLinkToken(claim.signer, {
                ...{ network: claim.network, subject },
                timeUnix: Math.floor(Date.now() / 1000),
            }),
        log: { info: () => {}, warn: (_, fields) => warn(String(fields?.reason)) },
    });
}

/** Tries to begin a session; says why there is none, or null where there is one. */
export async function tryToConnect(url: string, claim: Claim): Promise<string | null> {
    const ended = Promise.withResolvers<string | null>();
    const link = linkOf(url, claim, (reason) => ended.resolve(reason));
    const up = (): void => ended.resolve(null);
    await link.open({ up, down: () => {}, message: () => {} });
    try {
        return await ended.promise;
    } finally {
        await link.close();
    }
}

/** Sends a record in a node's own session; returns the receipt code by which it is refused. */
export async function sendAsNode(
    url: string,
    node: NodeFiles,
    record: Uint8Array,
): Promise<number> {
    const answered = Promise.withResolvers<number>();
    const up = Promise.withResolvers<void>();
    const claim = { ...node, key: node.signer.publicKey };
    const link = linkOf(url, claim, (reason) => {
        for (const { reject } of [up, answered]) reject(new Error(reason));
    });
    await link.open({
        up: () => up.resolve(),
        down: () => {},
        message: (bytes) => {
            const refusal = parseUnsignedReceipt(bytes); // what is signed says what was taken before
            if (refusal.ok) answered.resolve(refusal.value.code);
        },
    });
    try {
        await up.promise;
        await link.send(record);
        return await answered.promise;
    } finally {
        await link.close();
    }
}
