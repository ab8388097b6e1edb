import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { STREAM_MODE } from "@meterseal/record";
import type { SeededRandom } from "@meterseal/testkit/random";
import { systemRandom } from "../../packages/node/src/clocks.ts";
import { REPLAY_START_MS } from "../../packages/node/src/fleet/replay.ts";
import { ServerProcess } from "../../packages/node/src/fleet/server-process.ts";
import { ENROL_ROUTE, loadOperatorToken } from "../../packages/node/src/server/operator.ts";
import { PARTIES_ROUTE } from "../../packages/node/src/server/party-routes.ts";
import { mutateJson, mutateText } from "./mutate.ts";
import { exchange, judge, mutateLine } from "./sockets.ts";
import { type FuzzSession, textOf } from "./target.ts";
import { partyRequests, requests } from "./texts.ts";

const SUBJECT = "5a".repeat(16);
const HASH = "5b".repeat(32);
/** Stands in an input for the token of a server that is made anew for each run. */
const TOKEN = "0".repeat(64);
/** A patient peer: an enrolment is on disk before it is answered. */
const PATIENCE_MS = 15;
/** What a server of the project may hold; one that grows with what is thrown at it goes beyond. */
const SERVER_MEMORY_BYTES = 512 * 1024 * 1024;

const PATHS = [
    "/",
    "/api/v1/network",
    "/api/v1/meters",
    `/api/v1/meters/${SUBJECT}/evidence`,
    `/api/v1/meters/${SUBJECT}/last-record`,
    `/api/v1/streams/${SUBJECT}/sums?window=day&nearest=none&groups=0,1`,
    `/api/v1/streams/${SUBJECT}/weighted?tariff=${HASH}&from=2013-01-01`,
    `/api/v1/streams/${SUBJECT}/evidence?records=edges&since=3`,
    `/api/v1/cohorts/${HASH}/sums?from=0&to=99`,
    "/api/v1/meters/../../etc/passwd",
    "/api/v1/openapi.json",
    ENROL_ROUTE,
    PARTIES_ROUTE,
    `${PARTIES_ROUTE}?role=provider&after=0&limit=5`,
    `${PARTIES_ROUTE}/${SUBJECT}`,
    `/api/v1/notices?party=${SUBJECT}&kind=1&after=0`,
    `/api/v1/notices/${HASH}`,
    `/api/v1/notices/${HASH}/proof`,
    "/api/v1/tariffs?limit=1",
    "/api/v1/grants?after=1",
    `/api/v1/grants/${HASH}?purpose=x`,
    `/api/v1/grants/${HASH}/accesses`,
    `/api/v1/policies/${HASH}`,
    "/healthz",
    "/readyz",
    "/metrics",
    "/index.html",
];

function reading(): string[] {
    return PATHS.flatMap((path) =>
        ["GET", "HEAD", "POST", "OPTIONS"].map((method) =>
            requestText(method, path, method === "POST" ? "{}" : null),
        ),
    );
}

function requestText(method: string, path: string, body: string | null): string {
    return [
        `${method} ${path} HTTP/1.1`,
        "Host: localhost",
        "Accept: */*",
        ...(body === null
            ? []
            : [
                  "Content-Type: application/json",
                  `Authorization: Bearer ${TOKEN}`,
                  `Content-Length: ${Buffer.byteLength(body)}`,
              ]),
        "Connection: close",
        "",
        body ?? "",
    ].join("\r\n");
}

/** A request that admits somebody. */
type Post = { readonly route: string; readonly body: string };

function draw(random: SeededRandom, texts: readonly string[], posts: readonly Post[]): string {
    if (random.chance(0.3)) {
        const { body, route } = random.pick(posts);
        const changed = random.chance(0.8)
            ? mutateJson(random, body)
            : mutateText(
                  random,
                  body,
                  posts.map((post) => post.body),
              );
        return requestText("POST", route, changed);
    }
    const text = random.pick(texts);
    return random.chance(0.5) ? mutateText(random, text, texts) : mutateLine(random, text, PATHS);
}

/** The API of a server in a process of its own, through sockets. */
export async function httpSession(): Promise<FuzzSession> {
    const dataDir = mkdtempSync(join(tmpdir(), "meterseal-fuzz-"));
    const server = await ServerProcess.start({
        dataDir,
        httpPort: 0,
        mqttPort: 0,
        nowMs: REPLAY_START_MS,
        clockLabel: "fuzz",
        mode: STREAM_MODE.sealed,
    });
    const port = Number(new URL(server.info.httpUrl).port);
    const token = loadOperatorToken(dataDir, systemRandom);
    const posts = [
        ...(await requests()).map((body) => ({ route: ENROL_ROUTE, body })),
        ...partyRequests().map((body) => ({ route: PARTIES_ROUTE, body })),
    ];
    const texts = [
        ...reading(),
        ...posts.map(({ body, route }) => requestText("POST", route, body)),
    ];
    return {
        make: (random) => draw(random, texts, posts),
        take: async (input) =>
            judge(await exchange(port, textOf(input).replace(TOKEN, token), PATIENCE_MS)),
        close: async () => {
            try {
                await requireHealthy(server.info.httpUrl);
            } finally {
                await server.stop();
                rmSync(dataDir, { recursive: true, force: true });
            }
        },
    };
}

async function requireHealthy(url: string): Promise<void> {
    for (const path of ["/api/v1/network", "/readyz", "/metrics"]) {
        const answer = await fetch(url + path);
        if (!answer.ok) throw new Error(`${path} answers ${answer.status} at the end`);
        const text = await answer.text();
        if (path !== "/metrics") continue;
        const bytes = Number(/^meterseal_process_resident_memory_bytes (\S+)$/m.exec(text)?.[1]);
        if (!(bytes <= SERVER_MEMORY_BYTES)) throw new Error(`the server holds ${bytes} bytes`);
    }
}
