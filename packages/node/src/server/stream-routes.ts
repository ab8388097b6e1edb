import { error, LIMITS, toHex } from "@meterseal/core";
import { encodeEvidence } from "@meterseal/ledger";
import { STREAM_MODE } from "@meterseal/record";
import { describeSum, sumWindows, type WindowSum } from "@meterseal/seal";
import type { FastifyInstance } from "fastify";
import { EvidenceBuilder } from "./evidence.ts";
import type { HttpOptions } from "./http.ts";
import { type IndexedStream, lineOf } from "./indexed-stream.ts";
import { StoreRegisters } from "./store-registers.ts";
import {
    parseStreamId,
    parseStreamQuery,
    type StreamParameters,
    type StreamQuery,
} from "./stream-query.ts";
import { anchorOf, edgeRows, stretchRows } from "./stretch.ts";
import type { Turnstile } from "./turnstile.ts";
import { answerWeighted } from "./weighted-route.ts";

type StreamRequest = { Params: { stream: string }; Querystring: StreamParameters };

/**
 * Routes of one stream: sums on its registers as they are stored, and the signed records that prove
 * them. In a sealed network sums are differences of ciphertext, which open to amounts for who holds a
 * grant.
 */
export function addStreamRoutes(
    app: FastifyInstance,
    options: HttpOptions,
    turnstile: Turnstile,
): void {
    const { engine, facts, genesis, reader, streams } = options;
    const evidence = new EvidenceBuilder(reader, engine, facts, genesis);

    /** What a request asks, and what its sums are made of. */
    async function prepare(id: string, parameters: StreamParameters) {
        const stream = await streams.get(parseStreamId(id));
        const line = await lineOf(stream, engine.state, reader);
        const query = parseStreamQuery(parameters, stream, line);
        const registers = new StoreRegisters(stream, engine.state, reader);
        const input = { ...query, line, source: registers.endOf.bind(registers) };
        return { stream, query, input };
    }

    app.get<StreamRequest>("/api/v1/streams/:stream/sums", (request) =>
        turnstile.pass(async () => {
            const { input, query, stream } = await prepare(request.params.stream, request.query);
            return describeSums(stream, query, await sumWindows(input));
        }),
    );

    app.get<StreamRequest>("/api/v1/streams/:stream/weighted", ({ params, query: asked }) =>
        turnstile.pass(async () => {
            const { tariff, ...range } = asked;
            const parameters = { ...range, window: "total", nearest: "slot" };
            const prepared = await prepare(params.stream, parameters);
            const areGroupsAsked = range.groups !== undefined;
            return await answerWeighted(options, { ...prepared, tariff, areGroupsAsked });
        }),
    );

    app.get<StreamRequest>("/api/v1/streams/:stream/evidence", (request, reply) =>
        turnstile.pass(async () => {
            const parameters = { window: "total", ...request.query };
            const { input, query, stream } = await prepare(request.params.stream, parameters);
            if (query.nextUnix !== null) {
                const expected = `at most ${LIMITS.sumWindows} windows`;
                throw error("MS_TOO_LARGE", { expected, todo: "Ask for a shorter range." });
            }
            const toSlot = query.edges.at(-1) ?? 0;
            const rows = query.edgesOnly
                ? await edgeRows(stream, reader, await sumWindows(input))
                : await stretchRows(stream, engine.state, reader, {
                      from: await anchorOf(input),
                      toSlot,
                  });
            const grant =
                query.grantHash === null ? null : { hash: query.grantHash, stream: stream.stream };
            const more = { sinceSize: query.sinceSize, grant };
            const bundle = await evidence.evidenceFor(stream.subject, rows, more);
            return reply.type("application/cbor").send(Buffer.from(encodeEvidence(bundle)));
        }),
    );
}

function describeSums(
    { descriptor, stream, subject }: IndexedStream,
    query: StreamQuery,
    sums: readonly WindowSum[],
): unknown {
    const { groups, mode, scale, slotSeconds, zone } = descriptor;
    return {
        stream: toHex(stream),
        subject: toHex(subject),
        zone,
        slotSeconds,
        scale,
        mode: mode === STREAM_MODE.open ? "open" : "sealed",
        window: query.window,
        groups: query.groups,
        windows: sums.map((sum) => describeSum(sum, slotSeconds, groups, query.groups)),
        nextUnix: query.nextUnix,
    };
}
