import { RateLimit } from "@meterseal/collector";
import { bytesEqual, type Clock, error, LIMITS, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { type Party, type Sign1, verifySign1 } from "@meterseal/record";
import { notAllowed, tokenOf } from "../authorization.ts";

/** Who asks, and how often: keys are those of the ledger. */
export class PartyGate {
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
     * Party that asks: `Authorization: Meterseal TOKEN`, a link token in base64url that its present
     * key signed for this network within {@link LIMITS.tokenAgeSeconds}.
     * @throws MetersealError MS_NOT_ALLOWED, MS_BUSY
     */
    caller(header: string | undefined): Party {
        const { networkId } = this.#state;
        const { message, subject } = tokenOf(header, networkId, this.#clock, "the party");
        const party = this.#presentParty(message.kid);
        const own = party !== undefined && bytesEqual(party.id, subject);
        if (!own || !verifySign1(message, party.key)) {
            throw notAllowed("the present key of a party of this network");
        }
        return this.#admit(party);
    }

    /**
     * Party whose present key signed a message.
     * @throws MetersealError MS_KEY_UNKNOWN, MS_FROZEN, MS_SIGNATURE_BAD, MS_BUSY
     */
    author(message: Sign1): Party {
        const where = `message of key ${toHex(message.kid)}`;
        if (!this.#state.partyKeys.has(toHex(message.kid)))
            throw error("MS_KEY_UNKNOWN", { where });
        const party = this.#presentParty(message.kid);
        if (party === undefined) {
            throw error("MS_FROZEN", { where, expected: "the party's present key" });
        }
        if (!verifySign1(message, party.key)) throw error("MS_SIGNATURE_BAD", { where });
        return this.#admit(party);
    }

    /** Party whose present key has this id. */
    #presentParty(kid: Uint8Array): Party | undefined {
        const party = this.#state.partyKeys.get(toHex(kid));
        if (party === undefined) return undefined;
        return this.#state.parties.get(toHex(party.id)) === party ? party : undefined;
    }

    #admit(party: Party): Party {
        if (this.#rate.take(toHex(party.id))) return party;
        const expected = `at most ${LIMITS.partyRatePerSecond} requests a second`;
        throw error("MS_BUSY", { where: `party ${toHex(party.id)}`, expected });
    }
}
