import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toHex, utf8 } from "@meterseal/core";
import { signerFromPem } from "@meterseal/core/node";
import { CULPRIT, networkIdOf, originOf, signCheckpoint } from "@meterseal/ledger";
import { createTariff, NOTICE_KIND, PARTY_ROLE } from "@meterseal/record";
import { openServerStore } from "@meterseal/stores/sqlite";
import { encodeTariff, type TariffBody } from "@meterseal/tariff";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ContradictionFiles, fileNameOf } from "../src/contradictions/files.ts";
import { DEVICE_FILES } from "../src/device/device.ts";
import { PLACES } from "../src/files.ts";
import { partyHeaders, postProven, postToBox } from "../src/party/client.ts";
import { formatPartyRequest } from "../src/party/exchange.ts";
import { openApiDocument } from "../src/server/openapi.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
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

type Content = Readonly<Record<string, { readonly schema?: { readonly $ref?: string } }>>;
type Operation = {
    readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
    readonly security?: unknown;
};
type Document = {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: object;
};

const DAY_NIGHT: TariffBody = {
    name: "day and night",
    currency: "EUR",
    decimals: 2,
    zone: "Europe/London",
    fromUnix: 0,
    toUnix: null,
    imports: {
        kind: "bands",
        bands: [
            { name: "night", priceMicro: 200_000 },
            { name: "day", priceMicro: 350_000 },
        ],
        rules: [{ band: 1, days: 127, months: 4095, fromMinute: 360, toMinute: 1320 }],
    },
    exports: null,
    charges: [],
};

const scratch = useScratch();
const document = JSON.parse(JSON.stringify(openApiDocument())) as Document;
const ajv = new Ajv2020({
    strict: true,
    allErrors: true,
    keywords: ["components"],
    allowUnionTypes: true,
});
ajv.addSchema({ $id: "document", components: document.components }, "document");
let server: Server;
let dataDir: string;
let meter: string;
let stream: string;
/** Leaf of a vertex. */
let leaf = 0;
/** File of a contradiction. */
let proof = "";
let home: BedParty;
let provider: BedParty;
/** Hash of a message of each area of the API. */
const hashes = new Map<string, string>();

beforeAll(async () => {
    const { finished, names } = await useFixture();
    dataDir = join(scratch, "openapi");
    cpSync(finished, dataDir, { recursive: true });
    [meter = ""] = readdirSync(join(dataDir, "meters"));
    const key = readFileSync(PLACES.keyFile(dataDir, names[0] ?? ""), "utf8");
    stream = (JSON.parse(key) as { stream: string }).stream;
    proof = await ofTwoCheckpoints(dataDir);
    server = await startQuietServer(dataDir, {
        clockLabel: "a label",
        replay: { speed: 2, endMs: 3 },
    });
    const dag = await fetch(`${server.httpUrl}/api/v1/dag?limit=1`);
    leaf =
        ((await dag.json()) as { vertices: { leafIndex: number }[] }).vertices[0]?.leafIndex ?? 0;
    home = await admitHome(server, "home", scratch);
    provider = await admit(server, "provider", { role: PARTY_ROLE.provider });
    for (const [box, message, kind] of [
        ["grants", await boxMessage(home, provider), NOTICE_KIND.grant],
        ["policies", await boxPolicy(home, provider), NOTICE_KIND.policy],
    ] as const) {
        const notice = await noticeOf(home, { kind, hash: message.hash });
        hashes.set("notices", (await postProven(home, notice.bytes)).hash);
        await postToBox(server.httpUrl, box, message.bytes);
        hashes.set(box, toHex(message.hash));
    }
}, FIXTURE_MS);
afterAll(() => server.close());

/** A proof against the log in a server's directory: two checkpoints under its own key. */
async function ofTwoCheckpoints(dir: string): Promise<string> {
    const store = await openServerStore(PLACES.server(dir), { readOnly: true });
    const genesis = (await store.genesis()) ?? new Uint8Array();
    await store.close();
    const networkId = networkIdOf(genesis);
    const log = signerFromPem(readFileSync(join(PLACES.serverKeys(dir), "log.pem"), "utf8"));
    const note = async (byte: number): Promise<Uint8Array> => {
        const root = new Uint8Array(32).fill(byte);
        return utf8(await signCheckpoint(log, originOf(networkId), 1, root));
    };
    const proven = new ContradictionFiles(PLACES.contradictions(dir), networkId).keep({
        ...{ culprit: CULPRIT.log, genesis, enrolment: null, context: [] },
        statements: [await note(1), await note(2)],
    });
    return proven === null ? "" : fileNameOf(proven);
}

const isPrivate = ({ security }: Operation): boolean => JSON.stringify(security)?.includes("party");

/** A path with a name of something that is there. */
function fill(path: string): string {
    const [, area = ""] = /v1\/(\w+)/.exec(path) ?? [];
    return path
        .replace("{subject}", meter)
        .replace("{stream}", stream)
        .replace("{leaf}", String(leaf))
        .replace("{file}", proof)
        .replace("{id}", toHex(home.party))
        .replace("{hash}", hashes.get(area) ?? "");
}

/** Holds an answer against what the document says of its status and type. */
async function hold(method: string, path: string, answer: Response): Promise<void> {
    const operation = document.paths[path]?.[method];
    const content = operation?.responses[String(answer.status)]?.content ?? {};
    const type = answer.headers.get("content-type") ?? "";
    const named = Object.keys(content).find((each) => type.startsWith(each));
    expect(named, `${method} ${path}: ${answer.status} ${type}`).toBeDefined();
    const ref = content[named ?? ""]?.schema?.$ref;
    if (ref === undefined) return;
    const validate = ajv.compile({ $ref: `document${ref}` });
    validate(await answer.json());
    expect(validate.errors ?? [], `${method} ${path}`).toEqual([]);
}

describe("the OpenAPI document", () => {
    it("is served, and is the one that is tested", async () => {
        const answer = await fetch(`${server.httpUrl}/api/v1/openapi.json`);
        expect(await answer.json()).toEqual(document);
    });

    it("has every route, and no other", () => {
        const folder = fileURLToPath(new URL("../src/server/", import.meta.url));
        const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
        const literal = /app\s*\.(get|post|put|delete|patch)(?:<[^(]*>)?\(\s*("[^"]+"|[A-Z_]+)/g;
        const names: Readonly<Record<string, string>> = {
            ENROL_ROUTE: "/api/v1/enrolments",
            COLLECTORS_ROUTE: "/api/v1/collectors",
            LEDGER_STATUS_ROUTE: "/api/v1/ledger/status",
            PARTIES_ROUTE: "/api/v1/parties",
            REVOCATIONS_ROUTE: "/api/v1/revocations",
            ROUTE: "/api/v1/openapi.json",
        };
        const routes = texts.flatMap((text) =>
            [...text.matchAll(literal)].map(([, method, path = ""]) => {
                const plain = path.startsWith('"') ? path.slice(1, -1) : (names[path] ?? path);
                return `${method} ${plain.replaceAll(/:(\w+)/g, "{$1}")}`;
            }),
        );
        const documented = Object.entries(document.paths).flatMap(([path, operations]) =>
            Object.keys(operations).map((method) => `${method} ${path}`),
        );
        expect(routes.length).toBeGreaterThan(7);
        expect(routes.sort()).toEqual(documented.sort());
    });

    it("describes what each route answers", async () => {
        for (const [path, operations] of Object.entries(document.paths)) {
            if (operations.get === undefined) continue;
            const url = server.httpUrl + fill(path);
            const headers = isPrivate(operations.get) ? await partyHeaders(home) : {};
            await hold("get", path, await fetch(url, { headers }));
        }
    });

    it("describes the weighted sum of a tariff on the ledger", async () => {
        const tariff = await createTariff(provider.signer, {
            ...{ network: provider.network, party: provider.party, timeUnix: 1_357_000_000 },
            body: encodeTariff(DAY_NIGHT),
        });
        const { hash } = await postProven(provider, tariff);
        const path = "/api/v1/streams/{stream}/weighted";
        const url = `${server.httpUrl}${fill(path)}?tariff=${hash}&to=2013-01-02`;
        const answer = await fetch(url);
        expect(answer.status).toBe(200);
        await hold("get", path, answer);
    });

    it("describes what a party posts, and what it is told", async () => {
        const post = async (path: string, body: Uint8Array, type = "application/cose") => {
            const answer = await fetch(server.httpUrl + path, {
                ...{ method: "POST", headers: { "content-type": type } },
                body: new Uint8Array(body),
            });
            await hold("post", path, answer);
            return answer.status;
        };
        const { bytes, hash } = await boxMessage(home, provider);
        const notice = await grantNotice(home, hash);
        expect(await post("/api/v1/grants", bytes)).toBe(409);
        expect(await post("/api/v1/notices", notice.bytes)).toBe(201);
        expect(await post("/api/v1/grants", bytes)).toBe(201);
        expect(await post("/api/v1/policies", bytes)).toBe(415);
        expect(await post("/api/v1/notices", bytes, "application/json")).toBe(400);
        expect(await post("/api/v1/notices", new Uint8Array(70_000))).toBe(413);
        const request = formatPartyRequest(requestOf("documented"));
        const validate = ajv.compile({ $ref: "document#/components/schemas/partyRequest" });
        expect(validate(JSON.parse(request))).toBe(true);
        expect(await post("/api/v1/parties", utf8(request), "application/json")).toBe(403);
    });

    it("describes refusals as problems with our codes", async () => {
        const evidence = "/api/v1/meters/{subject}/evidence";
        for (const subject of ["nonsense", "0".repeat(32)]) {
            const url = server.httpUrl + evidence.replace("{subject}", subject);
            await hold("get", evidence, await fetch(url));
        }
    });

    it("describes the operator's route", async () => {
        const directory = join(scratch, "documented");
        await run("meter", "init", "--dir", directory, "--zone", "Europe/London");
        const body = readFileSync(join(directory, DEVICE_FILES.request), "utf8");
        const validate = ajv.compile({ $ref: "document#/components/schemas/request" });
        expect(validate(JSON.parse(body))).toBe(true);
        const path = "/api/v1/enrolments";
        const token = readFileSync(
            join(dataDir, "server", "keys", "operator.token"),
            "utf8",
        ).trim();
        for (const [authorization, sent] of [
            ["", body],
            [`Bearer ${token}`, "{}"],
            [`Bearer ${token}`, body],
        ] as const) {
            const headers = { authorization, "content-type": "application/json" };
            const answer = await fetch(server.httpUrl + path, {
                method: "POST",
                headers,
                body: sent,
            });
            await hold("post", path, answer);
        }
        expect(document.paths[path]?.post?.security).toEqual([{ operator: [] }]);
    });
});
