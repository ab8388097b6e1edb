import { LIMITS, toHex, unixOfSlot } from "@meterseal/core";
import { channelsOfGroup, STREAM_MODE } from "@meterseal/record";
import { knownSlots, type SumEnd, sumWindows, type WindowSum } from "@meterseal/seal";
import type { FastifyInstance } from "fastify";
import type { HttpOptions } from "./http.ts";
import { StoreRegisters } from "./store-registers.ts";
import { type IndexedStream, lineOf } from "./stream-index.ts";
import {
    parseStreamId,
    parseStreamQuery,
    type StreamParameters,
    type StreamQuery,
} from "./stream-query.ts";
import { Turnstile } from "./turnstile.ts";

type StreamRequest = { Params: { stream: string }; Querystring: StreamParameters };

/**
 * Routes of one stream: sums on its registers as they are stored. In a sealed network these are
 * differences of ciphertext, which open to amounts for who holds a grant.
 */
export function addStreamRoutes(app: FastifyInstance, options: HttpOptions): void {
    const { engine, reader, streams } = options;
    const turnstile = new Turnstile(LIMITS.sumRequests);

    app.get<StreamRequest>("/api/v1/streams/:stream/sums", (request) =>
        turnstile.pass(async () => {
            const stream = streams.get(parseStreamId(request.params.stream));
            const line = await lineOf(stream, engine.state, reader);
            const query = parseStreamQuery(request.query, stream, line);
            const registers = new StoreRegisters(stream, engine.state, reader);
            const source = registers.endOf.bind(registers);
            const sums = await sumWindows({ ...query, line, source });
            return describeSums(stream, query, sums);
        }),
    );
}

function describeSums(
    { descriptor, stream, subject }: IndexedStream,
    query: StreamQuery,
    sums: readonly WindowSum[],
): unknown {
    const { mode, scale, slotSeconds, zone } = descriptor;
    const channels = channelsOf(descriptor.groups, query.groups);
    return {
        stream: toHex(stream),
        subject: toHex(subject),
        zone,
        slotSeconds,
        scale,
        mode: mode === STREAM_MODE.open ? "open" : "sealed",
        window: query.window,
        groups: query.groups,
        windows: sums.map((sum) => describeWindow(sum, slotSeconds, channels)),
        nextUnix: query.nextUnix,
    };
}

function describeWindow(sum: WindowSum, slotSeconds: number, channels: readonly number[]): unknown {
    const { answered, marks, parts, quality, tally } = sum;
    const unix = (slot: number): number => unixOfSlot(slot, slotSeconds);
    const { estimated, measured } = knownSlots(tally);
    return {
        fromUnix: unix(sum.fromSlot),
        toUnix: unix(sum.toSlot),
        answered:
            answered === null
                ? null
                : { fromUnix: unix(answered.fromSlot), toUnix: unix(answered.toSlot) },
        slots: sum.toSlot - sum.fromSlot,
        measured,
        estimated,
        quality,
        marks,
        parts: parts.map(({ difference, from, to }) => ({
            from: describeEnd(from),
            to: describeEnd(to),
            difference: channels.map((channel) => String(difference[channel])),
        })),
    };
}

function describeEnd({ address, record, sealEpoch, unix }: SumEnd): unknown {
    const { chainEpoch, hash, seq } = record;
    return { unix, sealEpoch, ...address, record: { chainEpoch, seq, hash: toHex(hash) } };
}

/** Places of the channels of some groups among those of all groups. */
function channelsOf(all: readonly number[], asked: readonly number[]): number[] {
    let next = 0;
    return all.flatMap((group) => {
        const own = Array.from({ length: channelsOfGroup(group) }, () => next++);
        return asked.includes(group) ? own : [];
    });
}
