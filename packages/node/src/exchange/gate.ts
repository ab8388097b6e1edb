import { RateLimit } from "@meterseal/collector";
import { type Clock, error, LIMITS, type Signer, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { verifySign1 } from "@meterseal/record";
import { headerOf, notAllowed, tokenOf } from "../authorization.ts";

/** A collector that asks others. */
export type Caller = {
    readonly signer: Signer;
    /** Network id, 32 bytes. */
    readonly network: Uint8Array;
    /** Author id, 16 bytes. */
    readonly author: Uint8Array;
};

/** Header by which a collector says who it is: a link token of now, signed by its key. */
export function callerHeader(caller: Caller, clock: Clock): Promise<string> {
    const { author: subject, network, signer } = caller;
    return headerOf({ signer, network, subject }, clock);
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
     * Collector that asks, by its author id (hexadecimal): it shows a token that its present key signed for this
     * network within {@link LIMITS.tokenAgeSeconds}.
     * @throws MetersealError MS_NOT_ALLOWED, MS_FROZEN, MS_BUSY
     */
    caller(header: string | undefined): string {
        const { networkId } = this.#state;
        const { message, subject } = tokenOf(header, networkId, this.#clock, "a collector");
        const name = toHex(subject);
        const key = this.#state.authors.get(name)?.enrolment.key;
        if (key === undefined || !verifySign1(message, key)) {
            throw notAllowed("the present key of a collector of this network");
        }
        if (this.#state.revoked.has(name)) throw error("MS_FROZEN", { got: "a revoked collector" });
        if (!this.#rate.take(name)) throw error("MS_BUSY", { where: `collector ${name}` });
        return name;
    }
}
