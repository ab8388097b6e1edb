import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEVICE_FILES } from "../src/device/device.ts";
import { PLACES } from "../src/files.ts";
import { openApiDocument } from "../src/server/openapi.ts";
import type { Server } from "../src/server/server.ts";
import { run } from "./command.ts";
import { FIXTURE_MS, useFixture, useScratch } from "./fixture.ts";
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

beforeAll(async () => {
    const { finished, names } = await useFixture();
    dataDir = join(scratch, "openapi");
    cpSync(finished, dataDir, { recursive: true });
    [meter = ""] = readdirSync(join(dataDir, "meters"));
    const key = readFileSync(PLACES.keyFile(dataDir, names[0] ?? ""), "utf8");
    stream = (JSON.parse(key) as { stream: string }).stream;
    server = await startQuietServer(dataDir, {
        clockLabel: "a label",
        replay: { speed: 2, endMs: 3 },
    });
}, FIXTURE_MS);
afterAll(() => server.close());

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
            const named = path.replace("{subject}", meter).replace("{stream}", stream);
            await hold("get", path, await fetch(server.httpUrl + named));
        }
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
