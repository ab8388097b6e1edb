import { fromBase64, toHex } from "@meterseal/core";
import { formatPartyKey, PARTY_ROLE } from "@meterseal/record";
import { testSecret, testSigner } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ProviderDesk } from "../src/provider/desk.ts";
import type { ReceivedGrants } from "../src/provider/messages.ts";
import { dailyGrant, NETWORK } from "./granted.ts";

/** PKCS #8 around a bare private key of P-256. */
const PKCS8_HEAD = "3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420";

let keyText: string;
let provider: TestParty;
let bytes: Uint8Array<ArrayBuffer>;

const hashOf = (row: number): string => row.toString(16).padStart(64, "0");

/** What a provider receives of a server with so many grants; some are refused when asked for. */
async function receivedOf(
    count: number,
    refuse: (hash: string) => { readonly code: string; readonly status: number } | null,
    recipient = toHex(provider.party.id),
): Promise<ReceivedGrants> {
    vi.stubGlobal("fetch", (path: string) => {
        const { pathname, searchParams } = new URL(path, "http://server");
        if (pathname === "/api/v1/network") {
            return Response.json({ networkId: toHex(NETWORK.networkId) });
        }
        const hash = /^\/api\/v1\/grants\/([0-9a-f]{64})$/.exec(pathname)?.[1];
        if (hash !== undefined) {
            const refusal = refuse(hash);
            if (refusal === null) return new Response(bytes);
            return Response.json({ code: refusal.code }, { status: refusal.status });
        }
        const [after, limit] = ["after", "limit"].map((name) => Number(searchParams.get(name)));
        const rows = Math.min(limit ?? 0, count - (after ?? 0));
        const grants = Array.from({ length: rows }, (_, i) => {
            const row = (after ?? 0) + i + 1;
            return { hash: hashOf(row), recipient, row };
        });
        return Response.json({ grants });
    });
    return await (await ProviderDesk.open(keyText)).received();
}

beforeAll(async () => {
    const home = await TestParty.make(NETWORK, "home", { signer: testSigner("wallet home") });
    const payload = { role: PARTY_ROLE.provider };
    const signer = testSigner("party Energy");
    provider = await TestParty.make(NETWORK, "Energy", { payload, signer });
    const grant = await dailyGrant(home, provider, 1_356_998_400, 1_357_084_800);
    bytes = new Uint8Array(fromBase64(grant.messages[0] ?? ""));
    keyText = formatPartyKey({
        ...{ role: PARTY_ROLE.provider, party: provider.party.id, name: "Energy", keyEpoch: 0 },
        ...{ network: NETWORK.networkId, streams: [], recipientKeys: [] },
        signingKey: Uint8Array.fromHex(PKCS8_HEAD + testSecret("party Energy")),
    });
});
afterEach(() => vi.unstubAllGlobals());

describe("what a provider received", () => {
    it("has the newest grant behind any number of revoked ones", async () => {
        const revoked = { code: "MS_GRANT_REVOKED", status: 410 };
        const count = 102;
        const received = await receivedOf(count, (hash) => (hash < hashOf(count) ? revoked : null));
        expect(received.grants.map(({ hashHex }) => hashHex)).toEqual([hashOf(count)]);
        expect(received.useless.length).toBe(count - 1);
        expect(received.missing).toEqual([]);
    });

    it("ends with a bound, the newest are there, and it says how many are not", async () => {
        const received = await receivedOf(750, () => null);
        expect(received.grants.length).toBe(500);
        expect(received.grants.at(-1)?.hashHex).toBe(hashOf(750));
        expect(received.missing).toEqual([expect.stringMatching(/^250 older grants are not here/)]);
    });

    it("says that the list was cut where the server has ever more", async () => {
        const { missing } = await receivedOf(Number.MAX_SAFE_INTEGER, () => null, "of another");
        expect(missing).toEqual([expect.stringMatching(/lists more grants than the 25,000/)]);
    });

    it("waits where the server has it wait, and loses no grant by that", async () => {
        let asked = 0;
        const busy = { code: "MS_BUSY", status: 503 };
        const received = await receivedOf(2, () => (++asked === 2 ? busy : null));
        expect(received.useless).toEqual([]);
        expect(received.grants.length).toBe(2);
    });
});
