import { type Clock, unwrap } from "@meterseal/core";
import {
    decodeAnswers,
    decodeHeads,
    decodeLogPage,
    decodeVertices,
    type Exchange,
    encodeHeads,
    encodeVertices,
    type Heads,
    type LogPage,
    type SentVertex,
    type VertexAnswer,
} from "@meterseal/ledger";
import { type Caller, callerHeader } from "./gate.ts";
import { CBOR_TYPE, EXCHANGE } from "./paths.ts";
import type { ExchangeClient } from "./request.ts";

/** Another server of the network, asked over HTTP as a collector of it. */
export class HttpExchange implements Exchange {
    readonly #client: ExchangeClient;
    readonly #caller: Caller;
    readonly #clock: Clock;

    /** @param clock time of this machine. */
    constructor(client: ExchangeClient, caller: Caller, clock: Clock) {
        this.#client = client;
        this.#caller = caller;
        this.#clock = clock;
    }

    async logPage(fromIndex: number): Promise<LogPage> {
        return unwrap(decodeLogPage(await this.#get(`${EXCHANGE.logPage}?from=${fromIndex}`)));
    }

    async heads(): Promise<Heads> {
        return unwrap(decodeHeads(await this.#get(EXCHANGE.heads)));
    }

    async missing(heads: Heads): Promise<readonly SentVertex[]> {
        return unwrap(decodeVertices(await this.#post(EXCHANGE.missing, encodeHeads(heads))));
    }

    async offer(vertices: readonly SentVertex[]): Promise<readonly VertexAnswer[]> {
        return unwrap(decodeAnswers(await this.#post(EXCHANGE.vertices, encodeVertices(vertices))));
    }

    async submit(item: Uint8Array): Promise<void> {
        await this.#post(EXCHANGE.entries, item);
    }

    async #get(path: string): Promise<Uint8Array> {
        const authorization = await callerHeader(this.#caller, this.#clock);
        return await this.#client.ask({ method: "GET", path, headers: { authorization } });
    }

    async #post(path: string, body: Uint8Array): Promise<Uint8Array> {
        const authorization = await callerHeader(this.#caller, this.#clock);
        const headers = { authorization, "content-type": CBOR_TYPE };
        return await this.#client.ask({ method: "POST", path, headers, body });
    }
}
