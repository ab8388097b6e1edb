import type { Witness } from "@meterseal/engines/witness";
import { WITNESS_LIMITS } from "@meterseal/ledger";
import Fastify from "fastify";
import { type HttpServer, listen } from "../server/listen.ts";

/** What the HTTP side of a witness serves. */
export type WitnessServerOptions = {
    readonly host: string;
    readonly port: number;
    readonly witness: Witness;
    /** Verifier keys, one a line: what a policy names. */
    readonly verifierKeys: readonly string[];
    /** Told of a failure that no log can have caused. */
    readonly onFailure: (cause: unknown) => void;
};

const REQUEST_TIMEOUT_MS = 10_000;
/** Requests under way at one time; beyond it a log is told to come again. */
const REQUESTS = 256;
const TEXT = "text/plain; charset=utf-8";

/**
 * Starts a witness's listener: `POST /add-checkpoint` (C2SP tlog-witness), and its keys at `/`.
 * @throws MetersealError MS_LISTEN_ADDRESS off the loopback, MS_PORT_IN_USE.
 */
export async function startWitnessServer(options: WitnessServerOptions): Promise<HttpServer> {
    const app = Fastify({
        logger: false,
        bodyLimit: WITNESS_LIMITS.requestBytes,
        requestTimeout: REQUEST_TIMEOUT_MS,
        forceCloseConnections: true,
    });
    // The protocol names no media type: whatever is said, the body is the request.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
        done(null, body);
    });
    let underWay = 0;
    app.post("/add-checkpoint", async (request, reply) => {
        if (underWay >= REQUESTS) return reply.code(503).type(TEXT).send("Too many requests.\n");
        underWay++;
        try {
            const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
            const answer = await options.witness.addCheckpoint(body);
            return reply.code(answer.status).type(answer.contentType).send(answer.body);
        } catch (cause) {
            options.onFailure(cause);
            return reply.code(500).type(TEXT).send("The witness cannot keep its memory.\n");
        } finally {
            underWay--;
        }
    });
    app.get("/", (_request, reply) =>
        reply.type(TEXT).send(options.verifierKeys.map((key) => `${key}\n`).join("")),
    );
    return await listen(app, { host: options.host, port: options.port, option: "--port" });
}
