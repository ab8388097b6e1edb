import { EventEmitter, once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from "node:tls";
import { error } from "@meterseal/core";
import { withTimeLimit } from "../time-limit.ts";

/** Where a server is, and how the way to it is protected. */
export type XmppPlace = {
    readonly host: string;
    readonly port: number;
    /** Domain of the accounts: the server's certificate must be made out for it (RFC 6120 13.7.2). */
    readonly domain: string;
    /** Certificates to trust instead of the well-known ones, PEM. */
    readonly ca?: string;
    /** TLS from the first byte (XEP-0368); otherwise the server is asked for it (STARTTLS). */
    readonly isDirect: boolean;
    /** Whether to go on in plain text where a server has no STARTTLS. */
    readonly mayBePlain: boolean;
};

const NAMESPACE = "urn:ietf:params:xml:ns:xmpp-tls";
/** Characters of all that a server says before TLS. */
const GREETING_CHARACTERS = 16_384;
/** Time for what it says before TLS, in milliseconds. */
const GREETING_MS = 5_000;

/**
 * Socket for the XMPP library, which has no word for certificates to trust, and would go on in plain
 * text where somebody takes the offer of TLS out of the stream.
 */
export class XmppSocket extends EventEmitter {
    /** Whether the library may say what is secret. */
    secure = false;
    #socket: Socket | null = null;
    #isDestroyed = false;

    /** Connects; `connect` or `error` tells how that came out. */
    connect(place: XmppPlace): void {
        this.#open(place).then(
            (socket) => {
                socket.on("data", (chunk: Buffer) => this.emit("data", chunk));
                socket.on("error", (cause) => this.#fail(cause));
                socket.on("close", () => this.emit("close"));
                this.emit("connect");
            },
            (cause: unknown) => {
                this.destroy();
                this.#fail(cause);
            },
        );
    }

    write(text: string, done: (cause?: Error | null) => void): void {
        this.#socket?.write(text, done);
    }

    end(): void {
        this.#socket?.end();
    }

    destroy(): void {
        this.#isDestroyed = true;
        this.#socket?.destroy();
    }

    async #open(place: XmppPlace): Promise<Socket> {
        const { domain, host, isDirect, mayBePlain, port } = place;
        const tls: ConnectionOptions = {
            ...(isIP(domain) === 0 ? { servername: domain } : {}),
            ...(place.ca === undefined ? {} : { ca: place.ca }),
            ALPNProtocols: ["xmpp-client"],
            checkServerIdentity: (_host, certificate) => checkServerIdentity(domain, certificate),
        };
        if (isDirect) return await this.#secured({ host, port, ...tls });
        const socket = await this.#plain(place);
        if (await beginsTls(socket, domain)) return await this.#secured({ socket, ...tls });
        socket.destroy();
        if (mayBePlain) return await this.#plain(place);
        const expected = "a server with STARTTLS, or --insecure";
        throw error("MS_LINK", { where: `${host}:${port}`, expected });
    }

    async #plain({ host, port }: XmppPlace): Promise<Socket> {
        const socket = this.#keep(connect({ host, port }));
        await once(socket, "connect");
        return socket;
    }

    async #secured(options: ConnectionOptions): Promise<Socket> {
        const socket = this.#keep(connectTls(options));
        await once(socket, "secureConnect");
        this.secure = true;
        return socket;
    }

    #keep<T extends Socket>(socket: T): T {
        this.#socket = socket;
        socket.setNoDelay(true);
        socket.on("error", () => {}); // whoever waits for it hears of it besides
        if (this.#isDestroyed) socket.destroy();
        return socket;
    }

    /** Tells of an error while somebody listens: the library has let go of a socket that closed. */
    #fail(cause: unknown): void {
        if (this.listenerCount("error") > 0) this.emit("error", cause);
    }
}

/** Whether a server begins TLS now (RFC 6120 section 5.4.2); nothing that it says until then is kept. */
async function beginsTls(socket: Socket, domain: string): Promise<boolean> {
    const names = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
    socket.write(`<?xml version='1.0'?><stream:stream to='${domain}' version='1.0' ${names}>`);
    const ends = /<\/stream:features>|<stream:features\s*\/>|<\/stream:stream>/;
    const features = await heard(socket, ends);
    if (!features.includes(NAMESPACE)) return false;
    socket.write(`<starttls xmlns='${NAMESPACE}'/>`);
    return /<proceed/.test(await heard(socket, /<(?:proceed|failure)[^>]*>/));
}

/** What a server says until some text has come. */
async function heard(socket: Socket, until: RegExp): Promise<string> {
    let text = "";
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    const take = (chunk: Buffer): void => {
        text += chunk.toString("latin1");
        if (until.test(text)) resolve();
        else if (text.length > GREETING_CHARACTERS) reject(new Error("a greeting without end"));
    };
    const end = (): void => reject(new Error("the server ends the connection"));
    socket.on("data", take).on("close", end).resume();
    try {
        await withTimeLimit(promise, GREETING_MS, "a greeting");
        return text;
    } finally {
        socket.off("data", take).off("close", end).pause();
    }
}
