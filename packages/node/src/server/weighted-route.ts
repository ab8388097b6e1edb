import { bytesEqual, error, LIMITS, toHex, unwrap } from "@meterseal/core";
import { parseItem } from "@meterseal/ledger";
import { GROUP, type MeterRecord, parseRecord, STREAM_MODE } from "@meterseal/record";
import type { SumInput } from "@meterseal/seal";
import {
    decodeTariff,
    describeWeighted,
    type PublishedTariff,
    readStream,
    type TariffBody,
} from "@meterseal/tariff";
import { distinctRecords } from "../distinct-records.ts";
import type { HttpOptions } from "./http.ts";
import type { IndexedStream } from "./indexed-stream.ts";
import { namedBytes } from "./list-query.ts";
import { entryOf } from "./statements.ts";
import type { StreamQuery } from "./stream-query.ts";
import { anchorOf, stretchRows } from "./stretch.ts";

/** What a weighted sum is asked over: one window, the whole range. */
export type WeightedQuery = {
    readonly stream: IndexedStream;
    readonly query: StreamQuery;
    readonly input: SumInput;
    /** Hash of the tariff's message as it stands in the request. */
    readonly tariff: unknown;
    /** False where the groups are those that the tariff prices. */
    readonly areGroupsAsked: boolean;
};

type WeightedTools = Pick<HttpOptions, "engine" | "facts" | "reader">;

/**
 * The weighted sum of a stream's registers under a tariff of the ledger, of ciphertext in a sealed
 * stream, with coverage, the records that it comes from, and where both are proven. At most
 * {@link LIMITS.billSlots} slots and {@link LIMITS.evidenceRecords} records.
 * @throws MetersealError MS_USAGE, MS_TARIFF, MS_NOT_FOUND, MS_TOO_LARGE; MS_STREAM_RULE for an open
 * stream.
 */
export async function answerWeighted(
    tools: WeightedTools,
    { areGroupsAsked, input, query, stream, tariff: name }: WeightedQuery,
): Promise<object> {
    const { descriptor } = stream;
    const hash = namedBytes(String(name ?? ""), "tariff", 32);
    const [fromSlot = 0, toSlot = 0] = query.edges;
    const period = { slotSeconds: descriptor.slotSeconds, fromSlot, toSlot };
    if (toSlot - fromSlot > LIMITS.billSlots) {
        const expected = `at most ${LIMITS.billSlots} slots`;
        throw error("MS_TOO_LARGE", { expected, todo: "Ask for a shorter range." });
    }
    const tariff = await ledgerTariffOf(tools, hash);
    const rows = await stretchRows(stream, tools.engine.state, tools.reader, {
        from: await anchorOf(input),
        toSlot,
    });
    const records: MeterRecord[] = [];
    for await (const { bytes } of distinctRecords(rows)) {
        records.push(unwrap(parseRecord(bytes)));
    }
    const recorded = unwrap(readStream(records, stream.stream));
    const priced = query.groups.filter(
        (group) =>
            group === GROUP.import || (group === GROUP.export && tariff.body.exports !== null),
    );
    const groups = areGroupsAsked ? query.groups : priced;
    const sum = unwrap(describeWeighted({ period, recorded, tariff }, groups));
    const { fromUnix, toUnix } = sum;
    const range = `from=${fromUnix}&to=${toUnix}&window=total&nearest=slot`;
    return {
        stream: toHex(stream.stream),
        subject: toHex(stream.subject),
        zone: descriptor.zone,
        slotSeconds: descriptor.slotSeconds,
        scale: descriptor.scale,
        mode: descriptor.mode === STREAM_MODE.open ? "open" : "sealed",
        sum,
        proofs: {
            records: `/api/v1/streams/${toHex(stream.stream)}/evidence?${range}`,
            tariff: `/api/v1/notices/${sum.tariff}/proof`,
        },
    };
}

/** A tariff of the ledger with the series that its index names; MS_NOT_FOUND where it is not there. */
async function ledgerTariffOf(tools: WeightedTools, hash: Uint8Array): Promise<PublishedTariff> {
    const body = await bodyOf(tools, hash);
    const index = [body.imports, body.exports].find((plan) => plan?.kind === "index");
    if (index?.kind !== "index") return { hash, body, series: null };
    return { hash, body, series: { hash: index.series, body: await bodyOf(tools, index.series) } };
}

async function bodyOf(tools: WeightedTools, hash: Uint8Array): Promise<TariffBody> {
    const entry = await entryOf(tools, hash);
    const item = entry.ok ? unwrap(parseItem(entry.value.item)) : null;
    if (item?.kind === "tariff" && bytesEqual(item.tariff.message.hash, hash)) {
        return unwrap(decodeTariff(item.tariff.body));
    }
    throw error("MS_NOT_FOUND", { where: `tariff ${toHex(hash)}` });
}
