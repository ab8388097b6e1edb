import { type Result, type Signer, sha256 } from "@meterseal/core";
import { decodeCbor, encodeCbor } from "./cbor.ts";
import { attempt, MapReader, malformed, toBytes } from "./parse.ts";
import { createSign1, MESSAGE_TYPE, parseSign1, type Sign1 } from "./sign1.ts";

/** What a party puts on the ledger, so that nobody can deny, hide or date back that it was said. */
export const NOTICE_KIND = { grant: 1, revocation: 2, policy: 3, override: 4, cohort: 5 } as const;

/** Largest body of a cohort, bytes: a whole message still fits its limit. */
export const COHORT_BYTES = 64_512;

/** What a notice says. */
export type NoticeContent =
    | {
          /** A grant or a policy was issued, or one of them is revoked. */
          readonly kind: 1 | 2 | 3;
          /** Hash of the message that is meant, 32 bytes. */
          readonly hash: Uint8Array;
      }
    | {
          /** A grant was issued although the derivation check warned. */
          readonly kind: 4;
          /** Hash of the grant, 32 bytes. */
          readonly hash: Uint8Array;
          /** Hash of what the check found, 32 bytes. */
          readonly findings: Uint8Array;
      }
    | {
          /** A cohort begins. */
          readonly kind: 5;
          /** Its body: one item of deterministic CBOR, at most {@link COHORT_BYTES}. */
          readonly cohort: Uint8Array;
      };

/** A statement of a party, dated and on the ledger. */
export type NoticePayload = NoticeContent & {
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Who says it, 16 bytes. */
    readonly party: Uint8Array;
    readonly timeUnix: number;
};

/** A parsed notice and the message that carries it. */
export type Notice = NoticePayload & { readonly message: Sign1 };

/** Signs a notice with the party's key. */
export function createNotice(signer: Signer, payload: NoticePayload): Promise<Uint8Array> {
    const map = new Map<number, unknown>([
        [0, payload.network],
        [1, payload.party],
        [2, payload.timeUnix],
        [3, payload.kind],
        [4, encodeContent(payload)],
    ]);
    return createSign1(signer, MESSAGE_TYPE.notice, encodeCbor(map));
}

/** Parses a notice strictly; the signature is not checked. */
export function parseNotice(bytes: Uint8Array): Result<Notice> {
    const message = parseSign1(bytes, MESSAGE_TYPE.notice);
    if (!message.ok) return message;
    return attempt(() => {
        const map = new MapReader(decodeCbor(message.value.payload), "notice");
        const notice = {
            network: map.bytes(0, 32),
            party: map.bytes(1, 16),
            timeUnix: map.integer(2, 0, Number.MAX_SAFE_INTEGER),
            ...decodeContent(map),
            message: message.value,
        };
        map.end();
        return notice;
    });
}

/**
 * What a notice is about, 32 bytes: the message that it names, or the hash of a cohort's body. A
 * party says each thing once for each kind.
 */
export function topicOf(notice: NoticeContent): Uint8Array {
    return notice.kind === NOTICE_KIND.cohort ? sha256(notice.cohort) : notice.hash;
}

function encodeContent(content: NoticeContent): unknown {
    switch (content.kind) {
        case NOTICE_KIND.override:
            return [content.hash, content.findings];
        case NOTICE_KIND.cohort:
            return content.cohort;
        default:
            return content.hash;
    }
}

function decodeContent(map: MapReader): NoticeContent {
    const kind = map.integer(3, NOTICE_KIND.grant, NOTICE_KIND.cohort);
    const where = map.at(4);
    switch (kind) {
        case NOTICE_KIND.override: {
            const pair = map.array(4, 2);
            if (pair.length !== 2) malformed(where, "two hashes");
            const [hash, findings] = pair.map((item) => toBytes(item, where, 32)) as [
                Uint8Array,
                Uint8Array,
            ];
            return { kind, hash, findings };
        }
        case NOTICE_KIND.cohort: {
            const cohort = map.bytes(4, 1, COHORT_BYTES);
            decodeCbor(cohort);
            return { kind, cohort };
        }
        default:
            return { kind: kind as 1 | 2 | 3, hash: map.bytes(4, 32) };
    }
}
