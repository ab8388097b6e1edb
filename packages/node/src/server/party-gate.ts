import { RateLimit } from "@meterseal/collector";
import { bytesEqual, type Clock, error, LIMITS, toHex } from "@meterseal/core";
import type { LedgerState } from "@meterseal/ledger";
import { type Party, parseLinkToken, type Sign1, verifySign1 } from "@meterseal/record";

/** Scheme of the header by which a party says who it is. */
const SCHEME = "Meterseal ";
/** A token of ES256 has some 300 characters, one of PS256 some 600. */
const HEADER_MAX = 1_024;

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
        const refuse = (expected: string): never => {
            throw error("MS_NOT_ALLOWED", { where: "authorization", expected });
        };
        if (!header?.startsWith(SCHEME) || header.length > HEADER_MAX) {
            return refuse(`"${SCHEME}" and a token that the party signed`);
        }
        const token = parseLinkToken(decodeToken(header.slice(SCHEME.length)));
        if (!token.ok) return refuse("a link token in base64url");
        const { message, network, subject, timeUnix } = token.value;
        if (!bytesEqual(network, this.#state.networkId)) {
            return refuse(`network ${toHex(this.#state.networkId)}`);
        }
        const nowUnix = Math.floor(this.#clock.nowMs() / 1000);
        if (Math.abs(timeUnix - nowUnix) > LIMITS.tokenAgeSeconds) {
            return refuse(`a token of the last ${LIMITS.tokenAgeSeconds} s; it is ${nowUnix} here`);
        }
        const party = this.#presentParty(message.kid);
        const own = party !== undefined && bytesEqual(party.id, subject);
        if (!own || !verifySign1(message, party.key)) {
            return refuse("the present key of a party of this network");
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

function decodeToken(text: string): Uint8Array {
    try {
        return Uint8Array.fromBase64(text, { alphabet: "base64url" });
    } catch {
        return new Uint8Array();
    }
}
