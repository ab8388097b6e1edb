import type { PublicKey } from "@meterseal/core";
import type { StreamDescriptor } from "@meterseal/record";
import { channelsOfGroup } from "@meterseal/record";
import type { SealedStream } from "@meterseal/seal";

/** What a meter was given when it was enrolled. */
export type MeterProfile = {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Pseudonym of the device, 16 bytes. */
    readonly subject: Uint8Array;
    readonly chainEpoch: number;
    /** Hash of the enrolment entry, 32 bytes: predecessor of the chain's first record. */
    readonly anchor: Uint8Array;
    readonly stream: StreamDescriptor;
    /** What it meters, one of MEDIUM; absent for electricity. */
    readonly medium?: number;
    /** Key that signs receipts. */
    readonly collectorKey: PublicKey;
};

/** The stream as the sealing half sees it. */
export function sealedStreamOf(stream: StreamDescriptor): SealedStream {
    return {
        streamId: stream.stream,
        sealEpoch: stream.sealEpoch,
        suite: stream.suite,
        slotSeconds: stream.slotSeconds,
        groups: stream.groups.map((group) => ({
            group,
            channels: channelsOfGroup(group) === 2 ? 2 : 1,
        })),
    };
}
