import { error, LIMITS, toHex, unwrap } from "@meterseal/core";
import {
    decodeHeads,
    decodeVertices,
    type Exchange,
    encodeAnswers,
    encodeHeads,
    encodeLogPage,
    encodeVertices,
} from "@meterseal/ledger";
import Fastify, { type FastifyInstance, type FastifyReply } from "fastify";
import { answerBadRequest } from "../server/bad-request.ts";
import { type HttpServer, listen } from "../server/listen.ts";
import { requireOperator } from "../server/operator.ts";
import { addSafety, SAFETY_HEADERS } from "../server/safety.ts";
import { type CollectorAnswer, formatCollectorAnswer, parseCollectorRequest } from "./admission.ts";
import type { CollectorGate } from "./gate.ts";
import { CBOR_TYPE, EXCHANGE, EXCHANGE_BODY_BYTES } from "./paths.ts";

/** What the listener for other servers works with. */
export type ExchangeListenerOptions = {
    readonly host: string;
    readonly port: number;
    /** Certificate chain and private key, PEM; null for plain text on the loopback. */
    readonly tls: { readonly cert: string; readonly key: string } | null;
    readonly exchange: Exchange;
    readonly gate: CollectorGate;
    readonly genesis: Uint8Array;
    readonly operatorToken: string;
    readonly admit: (request: ReturnType<typeof parseCollectorRequest>) => Promise<CollectorAnswer>;
};

/** A page over a slow link takes its time. */
const REQUEST_TIMEOUT_MS = 120_000;
const RETRY_AFTER_SECONDS = 1;

/**
 * Starts the listener for other servers of the network. At most {@link LIMITS.exchangePages} pages are
 * under way at one time; beyond it callers are told to wait (503).
 * @throws MetersealError MS_LISTEN_ADDRESS for plain text off the loopback, MS_PORT_IN_USE.
 */
export async function startExchange(options: ExchangeListenerOptions): Promise<HttpServer> {
    const { tls } = options;
    const settings = {
        logger: false,
        bodyLimit: EXCHANGE_BODY_BYTES,
        requestTimeout: REQUEST_TIMEOUT_MS,
        forceCloseConnections: true,
        clientErrorHandler: (cause: Error, socket: Parameters<typeof answerBadRequest>[1]) =>
            answerBadRequest(cause, socket, SAFETY_HEADERS),
    } as const;
    const app = (
        tls === null
            ? Fastify(settings)
            : Fastify({ ...settings, https: { ...tls, minVersion: "TLSv1.2" } })
    ) as FastifyInstance;
    addSafety(app, { loopbackOnly: tls === null });
    app.addContentTypeParser(CBOR_TYPE, { parseAs: "buffer" }, (_request, body, done) =>
        done(null, body),
    );
    addOpenRoutes(app, options);
    addMemberRoutes(app, options);
    const plan = { host: options.host, port: options.port, option: "--exchange-port" };
    return await listen(app, { ...plan, tls: tls !== null });
}

/** Routes for those that are no member yet. */
function addOpenRoutes(app: FastifyInstance, options: ExchangeListenerOptions): void {
    const { admit, genesis, operatorToken } = options;
    app.get(EXCHANGE.network, () => ({ genesis: toHex(genesis) }));
    app.post<{ Body: unknown }>(EXCHANGE.collectors, async (request, reply) => {
        requireOperator(request.headers.authorization, operatorToken);
        const answer = await admit(parseCollectorRequest(JSON.stringify(request.body)));
        return reply.code(201).type("application/json").send(formatCollectorAnswer(answer));
    });
}

function addMemberRoutes(app: FastifyInstance, { exchange, gate }: ExchangeListenerOptions): void {
    let pages = 0;
    /** Answers a member with bytes, when there is room. */
    const page = async (
        header: string | undefined,
        reply: FastifyReply,
        answer: () => Promise<Uint8Array>,
    ): Promise<FastifyReply> => {
        gate.caller(header);
        if (pages >= LIMITS.exchangePages) {
            reply.header("retry-after", RETRY_AFTER_SECONDS);
            throw error("MS_BUSY", { expected: `at most ${LIMITS.exchangePages} pages under way` });
        }
        pages++;
        try {
            return reply.type(CBOR_TYPE).send(Buffer.from(await answer()));
        } finally {
            pages--;
        }
    };

    app.get<{ Querystring: { from?: string } }>(EXCHANGE.logPage, ({ headers, query }, reply) =>
        page(headers.authorization, reply, async () =>
            encodeLogPage(await exchange.logPage(indexOf(query.from))),
        ),
    );
    app.get(EXCHANGE.heads, ({ headers }, reply) =>
        page(headers.authorization, reply, async () => encodeHeads(await exchange.heads())),
    );
    app.post<{ Body: unknown }>(EXCHANGE.missing, ({ body, headers }, reply) =>
        page(headers.authorization, reply, async () =>
            encodeVertices(await exchange.missing(unwrap(decodeHeads(bytesOf(body))))),
        ),
    );
    app.post<{ Body: unknown }>(EXCHANGE.vertices, ({ body, headers }, reply) =>
        page(headers.authorization, reply, async () =>
            encodeAnswers(await exchange.offer(unwrap(decodeVertices(bytesOf(body))))),
        ),
    );
    app.post<{ Body: unknown }>(EXCHANGE.entries, ({ body, headers }, reply) =>
        page(headers.authorization, reply, async () => {
            await exchange.submit(bytesOf(body));
            return new Uint8Array();
        }),
    );
}

function indexOf(text: string | undefined): number {
    if (text !== undefined && /^\d{1,15}$/.test(text)) return Number(text);
    throw error("MS_USAGE", { where: "from", expected: "an index of the log" });
}

function bytesOf(body: unknown): Uint8Array {
    if (Buffer.isBuffer(body)) return new Uint8Array(body);
    throw error("MS_USAGE", { where: "body", expected: `content-type: ${CBOR_TYPE}` });
}
