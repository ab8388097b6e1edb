import { SLOT_ORIGIN_UNIX, unixOfSlot, unwrap } from "@meterseal/core";
import {
    createRecord,
    createUsageRecord,
    EVENT_KIND,
    EVENT_REASON,
    encodeEvent,
    type MeterRecord,
    parseRecord,
    RECORD_CLASS,
    type RegisterEvent,
} from "@meterseal/record";
import {
    compactAddresses,
    encodeFlags,
    type Flag,
    ownerKeys,
    sealBoundaries,
} from "@meterseal/seal";
import type { Home } from "./home.ts";

/** First slot of the homes whose meters are exchanged. */
export const SLOT = 500_000;
/** When the meter is exchanged: two slots and five minutes later. */
export const EXCHANGE_UNIX: number = unixOfSlot(SLOT + 2, 900) + 300;

/** A boundary: its register and its flag. */
export type Row = { readonly wh: bigint; readonly flag?: Flag };

/** Signs a body with the home's meter; who signs is not what opening looks at. */
export async function record(
    home: Home,
    epoch: number,
    make: (place: never) => Promise<Uint8Array>,
): Promise<MeterRecord> {
    const place = {
        seq: 1,
        timeUnix: SLOT_ORIGIN_UNIX,
        chainEpoch: epoch,
        prev: new Uint8Array(32),
        subject: home.meter.subject,
    };
    return unwrap(parseRecord(await make(place as never)));
}

/** Usage of one seal epoch; boundaries are keyed as slots, which is as good as any level. */
export function usage(
    home: Home,
    epoch: number,
    firstSlot: number,
    rows: readonly Row[],
): Promise<MeterRecord> {
    const stream = { ...home.key.stream, sealEpoch: epoch };
    const keys = unwrap(ownerKeys(home.key.master as Uint8Array, stream));
    const addresses = rows.map((_, i) => ({ level: 0 as const, index: firstSlot + i }));
    const bytes = unwrap(sealBoundaries(keys, { addresses, registers: rows.map(({ wh }) => wh) }));
    return record(home, epoch, (place) =>
        createUsageRecord(home.meter.signer, place, {
            stream: stream.streamId,
            sealEpoch: epoch,
            groups: [0],
            values: { mode: "sealed", bytes },
            ...unwrap(compactAddresses(900, firstSlot, addresses)),
            flags: encodeFlags(rows.map(({ flag = 0 }) => flag)),
        }),
    );
}

/** A closing or opening; stated registers are sealed at the leaf after it. */
export function event(
    home: Home,
    epoch: number,
    kind: keyof typeof EVENT_KIND,
    wh: bigint,
    before?: { readonly closing?: Uint8Array; readonly statedWh?: bigint },
): Promise<MeterRecord> {
    const stream = { ...home.key.stream, sealEpoch: epoch };
    const keys = unwrap(ownerKeys(home.key.master as Uint8Array, stream));
    const sealed = (index: number, register: bigint) => ({
        mode: "sealed" as const,
        bytes: unwrap(
            sealBoundaries(keys, { addresses: [{ level: 4, index }], registers: [register] }),
        ),
    });
    const { closing, statedWh } = before ?? {};
    const body: RegisterEvent = {
        stream: stream.streamId,
        sealEpoch: epoch,
        kind: EVENT_KIND[kind],
        reason: EVENT_REASON.exchange,
        atUnix: EXCHANGE_UNIX,
        index: 0,
        groups: [0],
        values: sealed(0, wh),
        ...(kind === "closing"
            ? {}
            : {
                  before: {
                      sealEpoch: epoch - 1,
                      ...(closing === undefined ? {} : { closing }),
                      ...(statedWh === undefined ? {} : { stated: sealed(1, statedWh) }),
                  },
              }),
    };
    return record(home, epoch, (place: never) =>
        createRecord(home.meter.signer, {
            ...(place as object),
            recordClass: RECORD_CLASS.billing,
            body: encodeEvent(body),
        } as never),
    );
}
