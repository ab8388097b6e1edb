import { execFile, spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fromHex, LIMITS, toHex, unwrap } from "@meterseal/core";
import { decodeGenesis, verifyEntryProof } from "@meterseal/ledger";
import {
    createLinkToken,
    createTariff,
    encodeCbor,
    NOTICE_KIND,
    PARTY_ROLE,
    parseNotice,
    parseParty,
    verifySign1,
} from "@meterseal/record";
import { testBytes, testSigner } from "@meterseal/testkit/keys";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askApi } from "../src/http-client.ts";
import { checkPartyAnswer } from "../src/party/admission.ts";
import {
    getAsParty,
    partyHeaders,
    postProven,
    postToBox,
    takeFromBox,
} from "../src/party/client.ts";
import { formatPartyAnswer, formatPartyRequest, parsePartyAnswer } from "../src/party/exchange.ts";
import type { Server } from "../src/server/server.ts";
import { useScratch } from "./fixture.ts";
import {
    admit,
    admitHome,
    type BedParty,
    boxMessage,
    boxPolicy,
    grantNotice,
    noticeOf,
    requestOf,
} from "./party-bed.ts";
import { startQuietServer } from "./quiet-server.ts";

const READER = fileURLToPath(
    new URL("../../../examples/independent-reader/notices.py", import.meta.url),
);
const canReadIndependently = [
    ["python3", "--version"],
    ["openssl", "version"],
].every(([command = "", word = ""]) => spawnSync(command, [word]).status === 0);
const scratch = useScratch();
const dataDir = join(scratch, "server");
let server: Server;
let home: BedParty;
let neighbour: BedParty;
let provider: BedParty;
let genesis: Uint8Array;

beforeAll(async () => {
    server = await startQuietServer(dataDir);
    home = await admitHome(server, "home", scratch);
    neighbour = await admitHome(server, "neighbour", scratch);
    provider = await admit(server, "provider", { role: PARTY_ROLE.provider });
    const network = await (await askApi(server.httpUrl, "/api/v1/network")).json();
    genesis = fromHex((network as { genesis: string }).genesis);
});
afterAll(() => server.close());

const code = (expected: string): unknown => expect.objectContaining({ code: expected });
const trust = () => ({
    networkId: server.networkId,
    logKey: unwrap(decodeGenesis(genesis)).logKey,
});

/** A server that gives everybody the same answer. */
async function answering(answer: object): Promise<{ url: string; close: () => void }> {
    const liar = createServer((_request, response) => {
        response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    });
    await new Promise<void>((listening) => liar.listen(0, "127.0.0.1", listening));
    const address = liar.address() as AddressInfo;
    return { url: `http://127.0.0.1:${address.port}`, close: () => liar.close() };
}

/** A grant whose notice is on the ledger and whose bytes are in the box. */
async function issue(): Promise<{ bytes: Uint8Array; hash: string; noticeHash: string }> {
    const { bytes, hash } = await boxMessage(home, provider);
    const notice = await postProven(home, (await grantNotice(home, hash)).bytes);
    await postToBox(server.httpUrl, "grants", bytes);
    return { bytes, hash: toHex(hash), noticeHash: notice.hash };
}

async function listed(as: BedParty, hash: string): Promise<Record<string, unknown> | undefined> {
    const { grants } = (await getAsParty(as, "/api/v1/grants")) as {
        grants: Record<string, unknown>[];
    };
    return grants.find((grant) => grant.hash === hash);
}

describe("parties over HTTP", () => {
    const post = (body: string, authorization: string): Promise<Response> =>
        askApi(server.httpUrl, "/api/v1/parties", {
            method: "POST",
            headers: { authorization, "content-type": "application/json" },
            body,
        });
    const operator = (): string =>
        `Bearer ${readFileSync(join(dataDir, "server/keys/operator.token"), "utf8").trim()}`;

    it("are admitted by the operator, with an answer that the party checks offline", async () => {
        const request = requestOf("newcomer", { role: PARTY_ROLE.monitor });
        const body = formatPartyRequest(request);
        const answer = unwrap(parsePartyAnswer(await (await post(body, operator())).text()));
        const again = unwrap(parsePartyAnswer(await (await post(body, operator())).text()));
        expect(again).toEqual(answer);
        const { party } = unwrap(checkPartyAnswer(answer, request, server.networkId));
        expect(party.name).toBe("newcomer");
    });

    it("are refused without the operator's token, and where they contradict one another", async () => {
        const body = formatPartyRequest(requestOf("nobody"));
        for (const token of ["", "Bearer wrong"]) {
            await expect(post(body, token)).rejects.toEqual(code("MS_NOT_ALLOWED"));
        }
        for (const request of [
            requestOf("home", { name: "another name" }),
            requestOf("thief", { streams: home.request.streams }),
            requestOf("stranger", { streams: [testBytes("no stream", 16)] }),
        ]) {
            const text = formatPartyRequest(request);
            await expect(post(text, operator())).rejects.toEqual(code("MS_PARTY"));
        }
        await expect(post("{}", operator())).rejects.toEqual(code("MS_MALFORMED"));
    });

    it("are listed by role, and shown with what the operator signed", async () => {
        const ask = async (path: string): Promise<unknown> =>
            await (await askApi(server.httpUrl, path)).json();
        const { parties } = (await ask("/api/v1/parties?role=provider")) as { parties: object[] };
        expect(parties).toMatchObject([{ party: toHex(provider.party), name: "provider" }]);
        const one = (await ask(`/api/v1/parties/${toHex(provider.party)}`)) as { message: string };
        const { message } = unwrap(parseParty(Uint8Array.fromBase64(one.message)));
        expect(verifySign1(message, unwrap(decodeGenesis(genesis)).operator)).toBe(true);
        await expect(ask("/api/v1/parties?role=king")).rejects.toEqual(code("MS_USAGE"));
        await expect(ask("/api/v1/parties/zz")).rejects.toEqual(code("MS_USAGE"));
        await expect(ask(`/api/v1/parties/${"0".repeat(32)}`)).rejects.toEqual(
            code("MS_NOT_FOUND"),
        );
    });
});

describe("notices over HTTP", () => {
    it("are final when they are answered, once, with a proof for offline readers", async () => {
        const notice = await grantNotice(home, testBytes("a grant", 32));
        const placed = await postProven(home, notice.bytes);
        const again = await postProven(home, notice.bytes);
        expect([again.hash, again.leafIndex]).toEqual([placed.hash, placed.leafIndex]);
        const { entry, index } = unwrap(verifyEntryProof(placed.proof, trust()));
        expect(index).toBe(placed.leafIndex);
        expect(toHex(unwrap(parseNotice(entry.item)).message.hash)).toBe(placed.hash);
        const proof = await askApi(server.httpUrl, `/api/v1/notices/${placed.hash}/proof`);
        unwrap(verifyEntryProof(await proof.text(), trust()));
        const bytes = await (
            await askApi(server.httpUrl, `/api/v1/notices/${placed.hash}`)
        ).bytes();
        expect(toHex(bytes)).toBe(toHex(entry.item));
    });

    it.skipIf(!canReadIndependently)(
        "are proven to a reader that shares no code with us, over HTTP",
        async () => {
            const notice = await grantNotice(home, testBytes("independent", 32));
            const { hash } = await postProven(home, notice.bytes);
            const answer = join(scratch, "party.json");
            writeFileSync(answer, formatPartyAnswer(await server.admitParty(provider.request)));
            const { stdout } = await promisify(execFile)("python3", [
                ...[READER, answer, server.httpUrl, hash],
            ]);
            expect(stdout).toContain(`home: grant ${toHex(testBytes("independent", 32))}`);
        },
    );

    it("are not taken for final where the server does not prove it", async () => {
        const { bytes } = await grantNotice(home, testBytes("unproven", 32));
        const { proof } = await postProven(home, bytes);
        const other = await grantNotice(home, testBytes("another", 32));
        const liar = async (said: string): Promise<unknown> => {
            const { close, url } = await answering({ hash: "", leafIndex: 0, proof: said });
            return await postProven({ ...home, url }, other.bytes).finally(close);
        };
        await expect(liar(proof)).rejects.toEqual(code("MS_PROOF"));
        await expect(liar("trust me")).rejects.toEqual(code("MS_PROOF"));
        const elsewhere = { ...home, network: testBytes("other network", 32) };
        await expect(postProven(elsewhere, bytes)).rejects.toEqual(code("MS_GENESIS"));
    });

    it("that are posted at the same time are one entry", async () => {
        const { bytes } = await grantNotice(home, testBytes("a race", 32));
        const places = await Promise.all([1, 2, 3].map(() => postProven(home, bytes)));
        expect(new Set(places.map(({ leafIndex }) => leafIndex)).size).toBe(1);
    });

    it("are listed by party and kind, in pages", async () => {
        const ask = async (query: string): Promise<{ leafIndex: number; party: string }[]> => {
            const answer = await askApi(server.httpUrl, `/api/v1/notices?${query}`);
            return ((await answer.json()) as { notices: [] }).notices;
        };
        for (const name of ["one", "two"]) {
            const notice = await grantNotice(neighbour, testBytes(name, 32));
            await postProven(home, notice.bytes);
        }
        const own = await ask(`party=${toHex(neighbour.party)}&kind=1`);
        expect(own).toHaveLength(2);
        const [first] = await ask(`party=${toHex(neighbour.party)}&limit=1`);
        expect(first).toEqual(own[0]);
        const rest = await ask(`party=${toHex(neighbour.party)}&after=${first?.leafIndex}`);
        expect(rest).toEqual(own.slice(1));
        expect(await ask(`party=${toHex(neighbour.party)}&kind=2`)).toEqual([]);
        for (const wrong of ["kind=9", "party=zz", "limit=0", "limit=501", "after=-1"]) {
            await expect(ask(wrong), wrong).rejects.toEqual(code("MS_USAGE"));
        }
    });

    it("are refused with the code of the rule that they break", async () => {
        const hash = testBytes("refused", 32);
        const { grant, revocation } = NOTICE_KIND;
        const post = (message: { bytes: Uint8Array }): Promise<unknown> =>
            postProven(home, message.bytes);
        const stranger = await noticeOf(home, { kind: grant, hash }, testSigner("stranger"));
        await expect(post(stranger)).rejects.toEqual(code("MS_KEY_UNKNOWN"));
        const forger = { publicKey: home.signer.publicKey, sign: neighbour.signer.sign };
        const forged = await noticeOf(home, { kind: grant, hash }, forger);
        await expect(post(forged)).rejects.toEqual(code("MS_SIGNATURE_BAD"));
        const wrongRole = await noticeOf(provider, { kind: grant, hash });
        await expect(post(wrongRole)).rejects.toEqual(code("MS_NOT_ALLOWED"));
        const nothing = await noticeOf(home, { kind: revocation, hash });
        await expect(post(nothing)).rejects.toEqual(code("MS_NOTICE"));
        await post(await noticeOf(home, { kind: grant, hash }));
        const twice = await noticeOf({ ...home }, { kind: grant, hash });
        await post(twice).catch((cause: unknown) =>
            expect(cause).toEqual(code("MS_NOTICE_DUPLICATE")),
        );
        await expect(post({ bytes: new Uint8Array(3) })).rejects.toEqual(code("MS_MALFORMED"));
        await expect(post(await boxMessage(home, provider))).rejects.toEqual(code("MS_VERSION"));
        const huge = { bytes: new Uint8Array(LIMITS.recordBytes + 1) };
        await expect(post(huge)).rejects.toEqual(code("MS_TOO_LARGE"));
    });

    it("carry a provider's tariffs, too", async () => {
        const place = { network: provider.network, party: provider.party };
        const body = encodeCbor(["a tariff", 1]);
        const timeUnix = Math.floor(Date.now() / 1000);
        const bytes = await createTariff(provider.signer, { ...place, timeUnix, body });
        const { hash } = await postProven(home, bytes);
        const answer = await (await askApi(server.httpUrl, "/api/v1/tariffs")).json();
        expect(answer).toMatchObject({ tariffs: [{ hash, party: toHex(provider.party) }] });
    });
});

describe("the grant box", () => {
    it("keeps a grant for its household and its recipient, and for nobody else", async () => {
        const { bytes, hash } = await issue();
        await postToBox(server.httpUrl, "grants", bytes);
        for (const party of [home, provider]) {
            expect(toHex(await takeFromBox(party, "grants", hash))).toBe(toHex(bytes));
            expect(await listed(party, hash)).toMatchObject({ size: bytes.length });
        }
        await expect(takeFromBox(neighbour, "grants", hash)).rejects.toEqual(
            code("MS_NOT_ALLOWED"),
        );
        expect(await listed(neighbour, hash)).toBeUndefined();
        await expect(takeFromBox(provider, "grants", "0".repeat(64))).rejects.toEqual(
            code("MS_NOT_FOUND"),
        );
        await expect(takeFromBox(provider, "policies", hash)).rejects.toEqual(code("MS_NOT_FOUND"));
    });

    it("tells the household who took it, why, and who was refused", async () => {
        const { hash } = await issue();
        await takeFromBox(provider, "grants", hash, "monthly bill");
        await takeFromBox(neighbour, "grants", hash).catch(() => undefined);
        const path = `/api/v1/grants/${hash}/accesses`;
        expect(await getAsParty(home, path)).toMatchObject({
            accesses: [
                { caller: toHex(neighbour.party), granted: false, purpose: "" },
                { caller: toHex(provider.party), granted: true, purpose: "monthly bill" },
            ],
        });
        expect(await listed(home, hash)).toMatchObject({ reads: 1, refusals: 1 });
        expect(await listed(provider, hash)).toMatchObject({ reads: 1, refusals: null });
        await expect(getAsParty(provider, path)).rejects.toEqual(code("MS_NOT_ALLOWED"));
        const long = takeFromBox(provider, "grants", hash, "x".repeat(65));
        await expect(long).rejects.toEqual(code("MS_USAGE"));
    });

    it("gives a revoked grant to its household only, and says when it was revoked", async () => {
        const { bytes, hash } = await issue();
        const content = { kind: NOTICE_KIND.revocation, hash: fromHex(hash) };
        await postProven(home, (await noticeOf(home, content)).bytes);
        await expect(takeFromBox(provider, "grants", hash)).rejects.toMatchObject({
            code: "MS_GRANT_REVOKED",
            message: expect.stringMatching(/revoked at 20\d\d-/),
        });
        expect(toHex(await takeFromBox(home, "grants", hash))).toBe(toHex(bytes));
        for (const party of [home, provider]) {
            expect(await listed(party, hash)).toMatchObject({ revokedUnix: expect.any(Number) });
        }
        const again = postToBox(server.httpUrl, "grants", bytes);
        await expect(again).rejects.toEqual(code("MS_GRANT_REVOKED"));
    });

    it("refuses what is not the household's to give, or not on the ledger", async () => {
        const put = async (
            message: Promise<{ bytes: Uint8Array }>,
            box: "grants" | "policies" = "grants",
        ): Promise<void> => await postToBox(server.httpUrl, box, (await message).bytes);
        await expect(put(boxMessage(home, provider))).rejects.toEqual(code("MS_GRANT_NOTICE"));
        const other = { network: testBytes("other", 32) };
        await expect(put(boxMessage(home, provider, other))).rejects.toEqual(code("MS_NETWORK"));
        const posed = { household: neighbour.party };
        await expect(put(boxMessage(home, provider, posed))).rejects.toEqual(
            code("MS_NOT_ALLOWED"),
        );
        const foreign = { streamId: neighbour.request.streams[0] ?? new Uint8Array() };
        await expect(put(boxMessage(home, provider, foreign))).rejects.toEqual(
            code("MS_GRANT_STREAM"),
        );
        await expect(put(boxMessage(home, home))).rejects.toEqual(code("MS_NOT_ALLOWED"));
        const nobody = { recipient: testBytes("nobody", 16) };
        await expect(put(boxMessage(home, provider, nobody))).rejects.toEqual(code("MS_NOT_FOUND"));
        await expect(put(boxMessage(home, provider), "policies")).rejects.toEqual(
            code("MS_VERSION"),
        );
        const { bytes } = await boxMessage(home, provider);
        bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
        await expect(put(Promise.resolve({ bytes }))).rejects.toEqual(code("MS_SIGNATURE_BAD"));
    });

    it("keeps policies apart from grants", async () => {
        const { bytes, hash } = await boxPolicy(home, provider);
        const notice = await noticeOf(home, { kind: NOTICE_KIND.policy, hash });
        await postProven(home, notice.bytes);
        await postToBox(server.httpUrl, "policies", bytes);
        expect(toHex(await takeFromBox(provider, "policies", toHex(hash)))).toBe(toHex(bytes));
        expect(await listed(provider, toHex(hash))).toBeUndefined();
        expect(await getAsParty(provider, "/api/v1/policies")).toMatchObject({
            policies: [{ hash: toHex(hash) }],
        });
    });
});

describe("the token of a party", () => {
    const ask = (authorization: string): Promise<Response> =>
        askApi(server.httpUrl, "/api/v1/grants", { headers: { authorization } });
    const nowUnix = (): number => Math.floor(Date.now() / 1000);
    const token = async (changes: object, signer = home.signer): Promise<string> => {
        const claim = { network: home.network, subject: home.party, timeUnix: nowUnix() };
        const bytes = await createLinkToken(signer, { ...claim, ...changes });
        return `Meterseal ${bytes.toBase64({ alphabet: "base64url" })}`;
    };

    it("is needed, fresh, for this network, and signed by the party's present key", async () => {
        expect((await ask(await token({}))).status).toBe(200);
        for (const header of [
            "",
            "Bearer x",
            "Meterseal ",
            "Meterseal !!!",
            `Meterseal ${"A".repeat(2000)}`,
            await token({ timeUnix: nowUnix() - LIMITS.tokenAgeSeconds - 5 }),
            await token({ timeUnix: nowUnix() + LIMITS.tokenAgeSeconds + 5 }),
            await token({ network: testBytes("other", 32) }),
            await token({ subject: neighbour.party }),
            await token({}, testSigner("stranger")),
            await token({}, { ...home.signer, sign: neighbour.signer.sign }),
        ]) {
            await expect(ask(header), header).rejects.toEqual(code("MS_NOT_ALLOWED"));
        }
    });

    it("ends with its key: after a rotation only the new one counts", async () => {
        const party = await admit(server, "rotating", { role: PARTY_ROLE.provider });
        const old = (await partyHeaders(party)).authorization;
        expect((await ask(old)).status).toBe(200);
        const { publicKey: key } = testSigner("party rotated");
        await server.admitParty({ ...party.request, key, keyEpoch: 1 });
        await expect(ask(old)).rejects.toEqual(code("MS_NOT_ALLOWED"));
        const rotated = { ...party, signer: testSigner("party rotated") };
        expect((await ask((await partyHeaders(rotated)).authorization)).status).toBe(200);
    });

    it("is taken so often, and then has to wait", async () => {
        const party = await admit(server, "hasty", { role: PARTY_ROLE.provider });
        const { authorization } = await partyHeaders(party);
        const answers = await Promise.allSettled(
            Array.from({ length: LIMITS.partyBurst + 60 }, () => ask(authorization)),
        );
        const refused = answers.filter(({ status }) => status === "rejected");
        expect(refused.length).toBeGreaterThan(0);
        expect(refused[0]).toMatchObject({ reason: { code: "MS_BUSY" } });
        expect((await ask((await partyHeaders(home)).authorization)).status).toBe(200);
    });
});
