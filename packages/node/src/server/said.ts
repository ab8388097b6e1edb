import { fromHex, toHex } from "@meterseal/core";
import { type EngineObserver, type Entry, type Finality, noticeKey } from "@meterseal/ledger";
import {
    decodeCbor,
    encodeCbor,
    NOTICE_KIND,
    type Notice,
    type TariffMessage,
    toArray,
    toBytes,
    toInteger,
    topicOf,
} from "@meterseal/record";
import type { ImagedView } from "./imaged-view.ts";

/** A notice that is final. */
export type FinalNotice = {
    readonly leafIndex: number;
    /** Hash of the message, hexadecimal, as the other names. */
    readonly hash: string;
    readonly party: string;
    /** One of NOTICE_KIND. */
    readonly kind: number;
    /** What it is about: the hash of a grant, policy or cohort. */
    readonly topic: string;
    readonly timeUnix: number;
};

/** A tariff that is final. */
export type FinalTariff = Pick<FinalNotice, "leafIndex" | "hash" | "party" | "timeUnix">;

/** What parties have said, as far as it is final; fed with all of the log that its image does not cover. */
export class Said implements EngineObserver, ImagedView {
    readonly notices: FinalNotice[] = [];
    readonly tariffs: FinalTariff[] = [];
    readonly #byKey = new Map<string, FinalNotice>();
    readonly #byParty = new Map<string, FinalNotice[]>();

    /** Takes in an entry of the log. */
    entryFinal(entry: Entry, _timeMs: number, { leafIndex }: Finality): void {
        if (entry.kind === "notice") this.#addNotice(entry.notice, leafIndex);
        else if (entry.kind === "tariff") this.tariffs.push(placeOf(entry.tariff, leafIndex));
    }

    /** A party's notice of a kind about a topic (32 bytes); undefined while there is none. */
    notice(party: Uint8Array, kind: number, topic: Uint8Array): FinalNotice | undefined {
        return this.#byKey.get(noticeKey(party, kind, topic));
    }

    /** Notices of a party (hexadecimal), in the order of the log. */
    noticesOf(party: string): readonly FinalNotice[] {
        return this.#byParty.get(party) ?? [];
    }

    /** When a grant or policy was revoked, seconds since 1970; null while it is in force. */
    revokedUnix(party: Uint8Array, hash: Uint8Array): number | null {
        return this.notice(party, NOTICE_KIND.revocation, hash)?.timeUnix ?? null;
    }

    /** All of it, for an image (ImagedView). */
    save(): Uint8Array[][] {
        const place = (each: FinalTariff): unknown[] => [
            each.leafIndex,
            fromHex(each.hash),
            fromHex(each.party),
            each.timeUnix,
        ];
        const notices = this.notices.map((each) =>
            encodeCbor([...place(each), each.kind, fromHex(each.topic)]),
        );
        return [notices, this.tariffs.map((each) => encodeCbor(place(each)))];
    }

    /** Takes over what {@link save} made (ImagedView). @throws MetersealError MS_MALFORMED */
    load([notices = [], tariffs = []]: readonly (readonly Uint8Array[])[]): void {
        this.notices.splice(0);
        this.tariffs.splice(0);
        this.#byKey.clear();
        this.#byParty.clear();
        for (const bytes of notices) {
            const [leaf, hash, party, time, kind, topic] = toArray(decodeCbor(bytes), "notice", 6);
            this.#keepNotice({
                ...finalOf([leaf, hash, party, time]),
                kind: toInteger(kind, "kind", 0, 255),
                topic: toHex(toBytes(topic, "topic", 32)),
            });
        }
        for (const bytes of tariffs) {
            this.tariffs.push(finalOf(toArray(decodeCbor(bytes), "tariff", 4)));
        }
    }

    #addNotice(notice: Notice, leafIndex: number): void {
        const { kind } = notice;
        const topic = toHex(topicOf(notice));
        this.#keepNotice({ ...placeOf(notice, leafIndex), kind, topic });
    }

    #keepNotice(final: FinalNotice): void {
        this.notices.push(final);
        const { kind, party, topic } = final;
        this.#byKey.set(noticeKey(fromHex(party), kind, fromHex(topic)), final);
        const own = this.#byParty.get(final.party);
        if (own === undefined) this.#byParty.set(final.party, [final]);
        else own.push(final);
    }
}

function placeOf(
    { message, party, timeUnix }: Notice | TariffMessage,
    leafIndex: number,
): FinalTariff {
    return { leafIndex, hash: toHex(message.hash), party: toHex(party), timeUnix };
}

function finalOf([leaf, hash, party, time]: readonly unknown[]): FinalTariff {
    return {
        leafIndex: toInteger(leaf, "leaf", 0, Number.MAX_SAFE_INTEGER),
        hash: toHex(toBytes(hash, "hash", 32)),
        party: toHex(toBytes(party, "party", 16)),
        timeUnix: toInteger(time, "time", 0, Number.MAX_SAFE_INTEGER),
    };
}
