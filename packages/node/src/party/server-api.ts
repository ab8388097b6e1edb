import { error, MetersealError, toHex, unwrap } from "@meterseal/core";
import { type Party, parseParty } from "@meterseal/record";
import { askApi } from "../http-client.ts";
import {
    arrayField,
    base64Field,
    type Fields,
    hexField,
    integerField,
    isFields,
    stringField,
} from "../json-fields.ts";
import { getAsParty, type PartyAccess, postProven, postToBox, takeFromBox } from "./client.ts";
import type { OwnParty } from "./party.ts";

/** A notice in a server's list. Names are hex. */
export type ListedNotice = {
    readonly hash: string;
    readonly party: string;
    readonly topic: string;
};

/** A grant in a server's list. Names are hex. */
export type ListedGrant = {
    readonly hash: string;
    readonly issuer: string;
    readonly recipient: string;
    readonly isRevoked: boolean;
};

/** A request for a grant in a server's list. */
export type ListedAccess = {
    /** Party that asked, in hex. */
    readonly caller: string;
    readonly timeUnix: number;
    /** False for a refused attempt. */
    readonly granted: boolean;
    readonly purpose: string;
};

/** Items of one page of a list; more than any server gives. */
const ITEMS_MAX = 10_000;

/**
 * A server's API, asked as the party of a directory.
 * @param url - such as http://127.0.0.1:8480.
 * @throws MetersealError MS_USAGE.
 */
export function serverAs({ network, party, signer }: OwnParty, url: string): ServerApi {
    return new ServerApi(url, { network, party: party.id, signer });
}

/**
 * The API of a server, as the commands of those use it who hold keys. What it says is the server's
 * word: signatures and proofs are checked by its caller.
 */
export class ServerApi {
    readonly url: string;
    readonly #access: PartyAccess | null;

    /**
     * @param url - such as http://127.0.0.1:8480.
     * @param as - the party that asks for what is private; null for what is public.
     * @throws MetersealError MS_USAGE.
     */
    constructor(url: string, as: Omit<PartyAccess, "url"> | null) {
        if (!/^https?:/i.test(url) || !URL.canParse(url)) {
            throw error("MS_USAGE", { expected: "--url such as http://127.0.0.1:8480", got: url });
        }
        this.url = url;
        this.#access = as === null ? null : { ...as, url };
    }

    /** Genesis of the network, and its clock in seconds since 1970: that of the replay in a demo. */
    async network(): Promise<{ readonly genesis: Uint8Array; readonly nowUnix: number }> {
        const answer = await this.json("/api/v1/network");
        const { clock } = answer;
        const nowMs = isFields(clock) ? clock.nowMs : null;
        if (typeof nowMs !== "number") throw this.#odd("/api/v1/network");
        return {
            genesis: Uint8Array.fromHex(stringField(answer, "genesis")),
            nowUnix: Math.floor(nowMs / 1000),
        };
    }

    /** Ids of all parties of a role, in hex. */
    async partyIds(role: "household" | "provider" | "monitor"): Promise<string[]> {
        const found = await this.#list(`/api/v1/parties?role=${role}`, "parties", "leafIndex");
        return found.map((item) => toHex(hexField(item, "party", 16)));
    }

    /**
     * The party of an id in hex, its signature not checked; null where there is none.
     * @param kid - of a key that it had before, in hex; absent for its present one.
     */
    async party(id: string, kid?: string): Promise<Party | null> {
        try {
            const query = kid === undefined ? "" : `?kid=${kid}`;
            const answer = await this.json(`/api/v1/parties/${id}${query}`);
            return unwrap(parseParty(base64Field(answer, "message")));
        } catch (cause) {
            if (cause instanceof MetersealError && cause.code === "MS_NOT_FOUND") return null;
            throw cause;
        }
    }

    /** Final notices of a kind; of one party (hex) where it is named. */
    async notices(kind: number, party?: string): Promise<ListedNotice[]> {
        const of = party === undefined ? "" : `&party=${party}`;
        const path = `/api/v1/notices?kind=${kind}${of}`;
        return (await this.#list(path, "notices", "leafIndex")).map((item) => ({
            hash: toHex(hexField(item, "hash", 32)),
            party: toHex(hexField(item, "party", 16)),
            topic: toHex(hexField(item, "topic", 32)),
        }));
    }

    /** Bytes of a notice or tariff by its hash in hex. */
    async notice(hash: string): Promise<Uint8Array> {
        return await this.bytes(`/api/v1/notices/${hash}`);
    }

    /** Proof that the ledger holds a notice or tariff, by its hash in hex; not checked. */
    async proof(hash: string): Promise<string> {
        return await (await askApi(this.url, `/api/v1/notices/${hash}/proof`)).text();
    }

    /** Puts a notice or tariff on the ledger; final when this resolves, as the server proved. */
    async postNotice(message: Uint8Array): Promise<void> {
        await postProven(this.#party(), message);
    }

    /** Grants that the party issued or is the recipient of. */
    async grants(): Promise<ListedGrant[]> {
        return await this.#boxed("grants");
    }

    /** Policies that the party issued or is the recipient of. */
    async policies(): Promise<ListedGrant[]> {
        return await this.#boxed("policies");
    }

    /** Bytes of a grant by its hash in hex; the household reads who took it and for what. */
    async grant(hash: string, purpose: string): Promise<Uint8Array> {
        return await takeFromBox(this.#party(), "grants", hash, purpose);
    }

    /** Who asked for a grant of the household, newest first; the hash in hex. */
    async accesses(hash: string): Promise<ListedAccess[]> {
        const path = `/api/v1/grants/${hash}/accesses`;
        const answer = await getAsParty(this.#party(), path);
        if (!isFields(answer)) throw this.#odd(path);
        return arrayField(answer, "accesses", ITEMS_MAX)
            .filter(isFields)
            .map((item) => ({
                caller: toHex(hexField(item, "caller", 16)),
                timeUnix: integerField(item, "timeUnix"),
                granted: item.granted === true,
                purpose: stringField(item, "purpose"),
            }));
    }

    /** Gives a grant to the box; its notice comes first. Once more does nothing. */
    async postGrant(message: Uint8Array): Promise<void> {
        await postToBox(this.url, "grants", message);
    }

    /** Bytes of a policy by its hash in hex. */
    async policy(hash: string): Promise<Uint8Array> {
        return await takeFromBox(this.#party(), "policies", hash);
    }

    /** Gives a policy to the box; its notice comes first. Once more does nothing. */
    async postPolicy(message: Uint8Array): Promise<void> {
        await postToBox(this.url, "policies", message);
    }

    async #boxed(box: "grants" | "policies"): Promise<ListedGrant[]> {
        return (await this.#list(`/api/v1/${box}`, box, "row")).map((item) => ({
            hash: toHex(hexField(item, "hash", 32)),
            issuer: toHex(hexField(item, "issuer", 16)),
            recipient: toHex(hexField(item, "recipient", 16)),
            isRevoked: item.revokedUnix !== null,
        }));
    }

    /** JSON object of a public route. */
    async json(path: string): Promise<Fields> {
        const answer: unknown = await (await askApi(this.url, path)).json().catch(() => null);
        if (isFields(answer)) return answer;
        throw this.#odd(path);
    }

    /** Bytes of a public route. */
    async bytes(path: string): Promise<Uint8Array> {
        return await (await askApi(this.url, path)).bytes();
    }

    /** All pages of a list; each goes on behind the last item's place. */
    async #list(path: string, name: string, place: string): Promise<Fields[]> {
        const found: Fields[] = [];
        for (;;) {
            const last = found.at(-1);
            const after = last === undefined ? "" : `after=${integerField(last, place)}`;
            const address = `${path}${path.includes("?") ? "&" : "?"}${after}`;
            const answer =
                name === "grants" || name === "policies"
                    ? await getAsParty(this.#party(), address)
                    : await this.json(address);
            if (!isFields(answer)) throw this.#odd(path);
            const page = arrayField(answer, name, ITEMS_MAX).filter(isFields);
            if (page.length === 0) return found;
            found.push(...page);
        }
    }

    #party(): PartyAccess {
        if (this.#access !== null) return this.#access;
        throw error("MS_NOT_ALLOWED", { expected: "a party, by its key file" });
    }

    #odd(path: string): MetersealError {
        return error("MS_LINK", { where: `${this.url}${path}`, got: "an answer of another shape" });
    }
}
