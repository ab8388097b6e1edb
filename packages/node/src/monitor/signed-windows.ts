import { createLadder, slotOfUnix, toHex, unwrap } from "@meterseal/core";
import { decodeEvidence } from "@meterseal/ledger";
import { readGrant } from "@meterseal/provider";
import type { Grant, TokenTable } from "@meterseal/seal";
import type { ServerApi } from "../party/server-api.ts";
import { type SaidWindow, saidWindow } from "./readings.ts";

/** A member's tokens, opened. */
export type OpenedTokens = { readonly grant: Grant; readonly table: TokenTable };

/** What a monitor trusts and knows by itself. */
export type MonitorTrust = {
    /** Ids of network (32 bytes) and monitor (16 bytes). */
    readonly network: Uint8Array;
    readonly monitor: Uint8Array;
    readonly nowUnix: number;
};

/**
 * Windows of a member's stream as its signed records have them: the server gives records and proofs,
 * and nothing of it counts before signatures, chain and inclusion in the log were checked, and that
 * the household gave this very grant to this monitor.
 * @param edges - ends of the windows, seconds since 1970, at least two.
 * @throws MetersealError the first fault; the refusals of checkGrant.
 */
export async function signedWindows(
    api: ServerApi,
    trust: MonitorTrust,
    { grant, table }: OpenedTokens,
    edges: readonly number[],
): Promise<SaidWindow[]> {
    const [fromUnix, toUnix] = [edges[0] as number, edges.at(-1) as number];
    const { hash } = grant.message;
    const query = `from=${fromUnix}&to=${toUnix}&grant=${toHex(hash)}`;
    const path = `/api/v1/streams/${toHex(grant.streamId)}/evidence?${query}`;
    const reading = unwrap(
        await readGrant({
            grant,
            keys: { form: "tokens", table },
            plan: {
                ladder: unwrap(createLadder(grant.zone, grant.slotSeconds)),
                window: "slot",
                nearest: null,
                edges: edges.map((unix) => slotOfUnix(unix, grant.slotSeconds)),
                ...{ fromUnix, toUnix, nextUnix: null },
            },
            evidence: unwrap(decodeEvidence(await api.bytes(path))),
            trust: {
                networkId: trust.network,
                recipient: trust.monitor,
                nowUnix: trust.nowUnix,
            },
        }),
    );
    const { continuity, signature } = reading.verdicts;
    const fault = [...signature.faults, ...continuity.faults][0];
    if (fault !== undefined) throw fault.error;
    return reading.sums.map(saidWindow);
}
