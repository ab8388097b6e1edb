import { createSocket, type Socket } from "node:dgram";
import { generate, type ParsedPacket, parse } from "coap-packet";
import { until } from "./link-world.ts";

const LOOPBACK = "127.0.0.1";

/** What a test sends: anything that CoAP's codec can write. */
export type CoapRequest = {
    readonly code: string;
    readonly id?: number;
    readonly confirmable?: boolean;
    readonly path?: readonly string[];
    readonly query?: readonly string[];
    readonly options?: readonly { readonly name: string; readonly value: Uint8Array }[];
    readonly payload?: Uint8Array;
};

/** CoAP client that does what a test says, right or wrong, and nothing by itself. */
export class CoapClient {
    readonly #socket: Socket = createSocket("udp4");
    readonly #port: number;
    /** Datagrams that came, in order. */
    readonly input: Buffer[] = [];
    #id = 1;

    constructor(port: number) {
        this.#port = port;
        this.#socket.on("message", (datagram) => this.input.push(datagram));
    }

    /** Sends bytes. */
    send(datagram: Uint8Array): void {
        this.#socket.send(datagram, this.#port, LOOPBACK);
    }

    /** Bytes of a request. */
    encode(request: CoapRequest): Buffer {
        const { code, confirmable = true, id = this.#id++, options = [], payload } = request;
        const texts = (name: string, values: readonly string[] = []) =>
            values.map((value) => ({ name, value: Buffer.from(value) }));
        return generate({
            ...{ code, confirmable, messageId: id, token: Buffer.of(7, id & 0xff) },
            payload: Buffer.from(payload ?? []),
            options: [
                ...texts("Uri-Path", request.path),
                ...texts("Uri-Query", request.query),
                ...options.map(({ name, value }) => ({ name, value: Buffer.from(value) })),
            ],
        });
    }

    /** Sends a request and resolves with what comes back first that is no empty message. */
    async ask(request: CoapRequest): Promise<ParsedPacket> {
        const from = this.input.length;
        this.send(this.encode(request));
        const answers = (): ParsedPacket[] =>
            this.input
                .slice(from)
                .map((datagram) => parse(datagram))
                .filter(({ code }) => code !== "0.00");
        await until(() => answers().length > 0, `an answer to ${request.code}`);
        return answers()[0] as ParsedPacket;
    }

    /** Begins a session with a token, the address shown; resolves with its name. */
    async open(subjectHex: string, token: Uint8Array): Promise<string> {
        const request = { code: "0.02", path: ["s", subjectHex], query: ["k=60"], payload: token };
        const refused = await this.ask(request);
        const echo = refused.options.filter(({ name }) => String(name) === "252");
        const options = echo.map(({ value }) => ({ name: "252", value }));
        const opened = await this.ask({ ...request, options });
        if (opened.code !== "2.01") throw new Error(`no session: ${opened.code}`);
        return opened.payload.toString();
    }

    close(): void {
        this.#socket.close();
    }
}

/** Value of an option; null without it. */
export function optionOf({ options }: ParsedPacket, name: string): Buffer | null {
    return options.find((option) => String(option.name) === name)?.value ?? null;
}
