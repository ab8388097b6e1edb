import { toHex } from "@meterseal/core";
import { type EngineObserver, type Entry, type Finality, noticeKey } from "@meterseal/ledger";
import { NOTICE_KIND, type Notice, type TariffMessage, topicOf } from "@meterseal/record";

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

/** What parties have said, as far as it is final; fed with the whole log at start. */
export class Said implements EngineObserver {
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

    #addNotice(notice: Notice, leafIndex: number): void {
        const topic = topicOf(notice);
        const { kind, party } = notice;
        const final = { ...placeOf(notice, leafIndex), kind, topic: toHex(topic) };
        this.notices.push(final);
        this.#byKey.set(noticeKey(party, kind, topic), final);
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
