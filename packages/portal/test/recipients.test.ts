import { toBase64, toHex, unwrap } from "@meterseal/core";
import { decodeGenesis } from "@meterseal/ledger";
import { PARTY_ROLE } from "@meterseal/record";
import { testSigner } from "@meterseal/testkit/keys";
import { TestParty } from "@meterseal/testkit/parties";
import type { IssuedGrant } from "@meterseal/wallet";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { HomeJournal } from "../src/household/vault/sharing/journal.ts";
import { SharingSession } from "../src/household/vault/sharing/session.ts";
import type { SharingView } from "../src/household/vault/sharing-messages.ts";
import { dailyGrant, HOME_KEY, NETWORK } from "./granted.ts";

let home: TestParty;
let energy: TestParty;
let advice: TestParty;
let neighbour: TestParty;

const unixOf = (text: string): number => Date.parse(text) / 1000;
const grantTo = (to: TestParty, from: string, until: string): Promise<IssuedGrant> =>
    dailyGrant(home, to, unixOf(from), unixOf(until));

/** What a server says of parties: those it lists, and those it tells of when asked by id. */
type Told = { readonly listed: readonly TestParty[]; readonly known: readonly TestParty[] };

/** The home's view by the answers of a server; `pageRows` of one party fill a page for ever. */
async function listBy(
    { known, listed }: Told,
    grants: readonly IssuedGrant[],
    isEndless = false,
): Promise<SharingView> {
    const roles = ["", "household", "provider", "monitor"];
    vi.stubGlobal("fetch", (path: string) => {
        const { pathname, searchParams } = new URL(path, "http://server");
        const id = /^\/api\/v1\/parties\/([0-9a-f]{32})$/.exec(pathname)?.[1];
        if (id !== undefined) {
            const found = known.find(({ party }) => toHex(party.id) === id);
            if (found === undefined)
                return Response.json({ code: "MS_NOT_FOUND" }, { status: 404 });
            return Response.json({ message: toBase64(found.party.message.bytes) });
        }
        const role = searchParams.get("role");
        const rows = listed
            .map(({ party }) => ({ party: toHex(party.id), role: roles[party.role], leafIndex: 1 }))
            .filter((row) => role === null || row.role === role);
        const [first] = isEndless ? rows : [];
        const limit = Number(searchParams.get("limit"));
        return Response.json({
            clock: { nowMs: unixOf("2013-03-01T00:00Z") * 1000 },
            parties: first === undefined ? rows : new Array(limit).fill(first),
            grants: [],
            notices: [],
        });
    });
    const journal = {
        alone: <T>(body: () => Promise<T>) => body(),
        read: async () => ({ grants, posted: new Set(grants.map(({ hash }) => hash)), bytes: 0 }),
    } as unknown as HomeJournal;
    const opened = {
        key: HOME_KEY,
        genesis: unwrap(decodeGenesis(NETWORK.genesis)),
        records: [],
        series: [],
    };
    const party = { id: home.party.id, signer: home.signer };
    return await new SharingSession(() => opened, party, journal).list();
}

beforeAll(async () => {
    const provider = (name: string) =>
        TestParty.make(NETWORK, name, { payload: { role: PARTY_ROLE.provider } });
    home = await TestParty.make(NETWORK, "home", { signer: testSigner("wallet home") });
    [energy, advice] = [await provider("Energy"), await provider("Advice")];
    neighbour = await TestParty.make(NETWORK, "Neighbour");
});
afterEach(() => vi.unstubAllGlobals());

describe("who holds a grant", () => {
    const held = ({ recipients }: SharingView) =>
        recipients.map(({ grants, name, role }) => [name, role, grants.length]);

    it("is shown by its name where the server leaves it out of its list, which is said", async () => {
        const grants = [await grantTo(energy, "2013-01-01T00:00Z", "2013-01-11T00:00Z")];
        const honest = await listBy({ listed: [energy], known: [energy] }, grants);
        expect(held(honest)).toEqual([["Energy", "provider", 1]]);
        expect(honest.faults).toEqual([]);
        const hiding = await listBy({ listed: [], known: [energy] }, grants);
        expect(held(hiding)).toEqual([["Energy", "provider", 1]]);
        expect(hiding.faults).toEqual([
            "The server leaves Energy, which holds something of your home, out of its list.",
        ]);
    });

    it("is shown by its id where the server does not know it at all, which is said", async () => {
        const grants = [await grantTo(energy, "2013-01-01T00:00Z", "2013-01-11T00:00Z")];
        const view = await listBy({ listed: [], known: [] }, grants);
        expect(held(view)).toEqual([["", null, 1]]);
        expect(view.recipients[0]).toMatchObject({ idHex: toHex(energy.party.id), hasKey: false });
        expect(view.faults).toEqual([
            expect.stringMatching(
                /^The server does not show who [0-9a-f]{8}… is, which holds something/,
            ),
        ]);
    });

    it("may be another household, and whatever role the list gives it", async () => {
        const grants = [await grantTo(neighbour, "2013-01-01T00:00Z", "2013-01-11T00:00Z")];
        const view = await listBy({ listed: [energy], known: [energy, neighbour] }, grants);
        expect(held(view)).toEqual([
            ["Energy", "provider", 0],
            ["Neighbour", "household", 1],
        ]);
        expect(view.faults).toEqual([]);
    });

    it.each([
        ["lists all of them", () => [energy, advice], () => [energy, advice]],
        ["leaves one out", () => [energy], () => [energy, advice]],
        ["does not know one", () => [energy], () => [energy]],
    ])("counts in what all work out together where the server %s", async (_, listed, known) => {
        const grants = [
            await grantTo(energy, "2013-01-01T00:00Z", "2013-01-11T00:00Z"),
            await grantTo(advice, "2013-01-20T00:00Z", "2013-01-31T00:00Z"),
        ];
        const view = await listBy({ listed: listed(), known: known() }, grants);
        expect(view.together).toEqual([
            expect.stringMatching(/Between the grants lies time .*11 Jan 2013.*20 Jan 2013/),
        ]);
    });

    it("is looked for up to a bound, and the page says where it stopped", async () => {
        const view = await listBy({ listed: [energy], known: [energy] }, [], true);
        expect(held(view)).toEqual([["Energy", "provider", 0]]);
        expect(view.faults).toEqual([expect.stringMatching(/lists more parties than the 25,000/)]);
    });
});
