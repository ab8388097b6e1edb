import { RateLimit } from "@meterseal/collector";
import { bytesEqual, type Clock, error, LIMITS, type Signer, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { createLinkToken, parseLinkToken, ROLE, verifySign1 } from "@meterseal/record";

/** Scheme of the header by which a collector says who it is. */
const SCHEME = "Meterseal ";
const HEADER_MAX = 1_024;

/** A collector that asks others. */
export type Caller = {
    readonly signer: Signer;
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Author id, 16 bytes. */
    readonly author: Uint8Array;
};

/** Header by which a collector says who it is: a link token of now, signed by its key. */
export async function callerHeader(caller: Caller, clock: Clock): Promise<string> {
    const { author: subject, network, signer } = caller;
    const timeUnix = Math.floor(clock.nowMs() / 1000);
    const token = await createLinkToken(signer, { network, subject, timeUnix });
    return SCHEME + token.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Lets collectors in that the ledger knows, at a rate; what they bring stands on its own signatures. */
export class CollectorGate {
    readonly #state: LedgerState;
    readonly #clock: Clock;
    readonly #rate: RateLimit;

    /**
     * @param clock time of this machine, also where a replay has a clock of its own.
     * @param steadyClock for the rate.
     */
    constructor(state: LedgerState, clock: Clock, steadyClock: Clock) {
        this.#state = state;
        this.#clock = clock;
        const { partyBurst: burst, partyRatePerSecond: perSecond } = LIMITS;
        this.#rate = new RateLimit(steadyClock, { perSecond, burst });
    }

    /**
     * Collector that asks, by its author id (hexadecimal): it shows a token that its key signed for this
     * network within {@link LIMITS.tokenAgeSeconds}.
     * @throws MetersealError MS_NOT_ALLOWED, MS_FROZEN, MS_BUSY
     */
    caller(header: string | undefined): string {
        const refuse = (expected: string): never => {
            throw error("MS_NOT_ALLOWED", { where: "authorization", expected });
        };
        if (!header?.startsWith(SCHEME) || header.length > HEADER_MAX) {
            refuse(`"${SCHEME}" and a token that a collector signed`);
        }
        const token = parseLinkToken(decodeToken((header ?? "").slice(SCHEME.length)));
        if (!token.ok) return refuse("a link token in base64url");
        const { message, network, subject, timeUnix } = token.value;
        if (!bytesEqual(network, this.#state.networkId)) {
            return refuse(`network ${toHex(this.#state.networkId)}`);
        }
        const nowUnix = Math.floor(this.#clock.nowMs() / 1000);
        if (Math.abs(timeUnix - nowUnix) > LIMITS.tokenAgeSeconds) {
            return refuse(`a token of the last ${LIMITS.tokenAgeSeconds} s; it is ${nowUnix} here`);
        }
        const enrolment = this.#state.keys.get(toHex(message.kid));
        const own = enrolment?.role === ROLE.collector && bytesEqual(enrolment.id, subject);
        if (!own || !verifySign1(message, enrolment.key)) {
            return refuse("the key of a collector of this network");
        }
        const name = toHex(subject);
        if (this.#state.revoked.has(name)) throw error("MS_FROZEN", { got: "a revoked collector" });
        if (!this.#rate.take(name)) throw error("MS_BUSY", { where: `collector ${name}` });
        return name;
    }
}

function decodeToken(text: string): Uint8Array {
    try {
        return Uint8Array.fromBase64(text, { alphabet: "base64url" });
    } catch {
        return new Uint8Array();
    }
}
