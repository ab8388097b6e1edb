import { recipientKeyId, toHex, unwrap } from "@meterseal/core";
import { type Grant, parseGrant, sealGrant } from "@meterseal/seal";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { run } from "./command.ts";
import { FIXTURE_MS, useScratch } from "./fixture.ts";
import { type Liar, startLiar } from "./liar.ts";
import { must, ProviderBed } from "./provider-bed.ts";

type Lie = (path: string, honest: Response) => Promise<Response>;
type Listed = { grants: { hash: string; row: number }[] };
type Check = { grants: { findings: { code: string }[] }[]; faults: string[] };

const scratch = useScratch();
const tellTruth: Lie = (_, honest) => Promise.resolve(honest);
let bed: ProviderBed;
let liar: Liar;
let lie: Lie = tellTruth;
/** What another device granted, and a finer one that nobody of the home did. */
let own: Grant;
let forged: Grant;

beforeAll(async () => {
    bed = await ProviderBed.open(scratch);
    own = await bed.grant({ from: "2013-01-01", to: "2013-01-03" });
    forged = await forge();
    liar = await startLiar(bed.server.httpUrl, (path, honest) => lie(path, honest));
}, FIXTURE_MS);
afterAll(async () => {
    liar.close();
    await bed.server.close();
});

/** Every slot of forty years for the provider, in the home's name and signed by somebody else. */
async function forge(): Promise<Grant> {
    const [fromUnix, toUnix] = [bed.at("2000-01-01"), bed.at("2040-01-01")];
    const { recipient, recipientKeyId: _, ciphertext, enc, aad, message, ...terms } = own;
    const key = testBytes("key", 32);
    const spans = [{ sealEpoch: 0, fromUnix, toUnix }];
    const fine = { ...terms, spans, fromUnix, toUnix, level: 0, recipient };
    const to = { ...fine, hpkeSuite: 1, recipientKeyId: recipientKeyId(key) };
    const signer = testSigner("the server");
    return unwrap(parseGrant(unwrap(await sealGrant(signer, to, key, new Uint8Array([0x80])))));
}

/** Days behind those that were granted: what lies between follows from both. */
const DAYS = ["--level", "day", "--from", "2013-01-05", "--to-date", "2013-01-07"];
const words = (): string[] => {
    const home = ["--home", bed.place("wallet"), "--key", bed.keyPath, "--to", "energy"];
    return [...home, ...DAYS, "--url", liar.url, "--json"];
};
async function check(): Promise<{ codes: string[]; faults: string[] }> {
    const { stdout } = await run("grant", "check", ...words());
    const { faults, grants } = JSON.parse(stdout) as Check;
    return { codes: grants.flatMap(({ findings }) => findings.map(({ code }) => code)), faults };
}

const isList = (path: string): boolean => path.startsWith("/api/v1/grants?");
/** Also lists grants as if the home had issued them; `then` gives their bytes out. */
const listing =
    (extra: Grant, then: Lie): Lie =>
    async (path, honest) => {
        if (!isList(path)) return then(path, honest);
        const { grants } = (await honest.json()) as Listed;
        const [first] = grants;
        if (first === undefined) return Response.json({ grants });
        const hash = toHex(extra.message.hash);
        return Response.json({ grants: [{ ...first, hash, row: first.row - 1 }, ...grants] });
    };
const bytesFor =
    (hash: () => string, bytes: () => Uint8Array): Lie =>
    async (path, honest) =>
        path.startsWith(`/api/v1/grants/${hash()}`)
            ? new Response(new Uint8Array(bytes()))
            : honest;

describe("what a server says that a household granted", () => {
    it("counts where the household signed it and the ledger names it", async () => {
        lie = tellTruth;
        expect(await check()).toEqual({ codes: ["gap"], faults: [] });
    });

    it.each<[string, () => Lie, string, number?]>([
        [
            "a grant that somebody else signed",
            () => {
                const hash = (): string => toHex(forged.message.hash);
                return listing(
                    forged,
                    bytesFor(hash, () => forged.message.bytes),
                );
            },
            "is not signed by your home",
            1,
        ],
        [
            "another grant under the hash of a true one",
            () =>
                bytesFor(
                    () => toHex(own.message.hash),
                    () => forged.message.bytes,
                ),
            "is not signed by your home",
        ],
        [
            "a grant that it does not hand out",
            () => async (path, honest) => (isList(path) ? Response.json({ grants: [] }) : honest),
            "the server does not hand it out",
        ],
        [
            "a grant whose notice it does not prove",
            () => async (path, honest) =>
                path.endsWith("/proof") ? new Response("c2sp.org/tlog-proof@v1\n") : honest,
            "has a notice that is not proven",
        ],
        [
            "something that is no grant",
            () =>
                bytesFor(
                    () => toHex(own.message.hash),
                    () => new Uint8Array([1]),
                ),
            "cannot be read",
        ],
    ])("leaves the judgement open: %s", async (_, make, sentence, shownGrants = 0) => {
        lie = make();
        const { codes, faults } = await check();
        expect(codes).toContain("undecided");
        expect(faults).toEqual([expect.stringContaining(sentence)]);
        const refused = await run("grant", "create", ...words());
        expect(refused.code).toBe(1);
        expect(refused.stderr).toMatch(/^MS_DERIVABLE: /);
        expect(refused.stderr).toContain(sentence);
        const list = ["--home", bed.place("wallet"), "--url", liar.url, "--json"];
        const shown = JSON.parse((await must(run("grant", "list", ...list))).stdout);
        expect([shown.grants.length, shown.faults]).toEqual([shownGrants, faults]);
    });

    it("was revoked where a notice proves it, and not by its word", async () => {
        lie = async (path, honest) => {
            if (!isList(path)) return honest;
            const { grants } = (await honest.json()) as Listed;
            return Response.json({ grants: grants.map((row) => ({ ...row, revokedUnix: 1 })) });
        };
        const list = ["--home", bed.place("wallet"), "--url", liar.url, "--json"];
        const said = JSON.parse((await must(run("grant", "list", ...list))).stdout);
        expect(said.grants).toMatchObject([{ state: "in force" }]);
        lie = tellTruth;
        await bed.say(2, own);
        const proven = JSON.parse((await must(run("grant", "list", ...list))).stdout);
        expect(proven.grants).toMatchObject([{ state: "revoked" }]);
    });
});
