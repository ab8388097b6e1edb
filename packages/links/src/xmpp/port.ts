import { assert, hostOf, LIMITS } from "@meterseal/core";
import type { Client, Element, xml as Xml } from "@xmpp/client";
import { type BrokerAddress, mayBePlain } from "../broker/address.ts";
import { ClientPort } from "../broker/client-port.ts";
import { type BrokerEvents, type BrokerPort, failureOf } from "../broker/port.ts";
import { badOption } from "../meter-options.ts";
import { loadOptional } from "../optional.ts";
import { type XmppPlace, XmppSocket } from "./socket.ts";

/** Namespace of the element that carries a frame in base64. */
const NAMESPACE = "urn:meterseal:link:1";
/** Characters of the longest frame in base64. */
const FRAME_CHARACTERS = Math.ceil((LIMITS.messageBytes + 64) / 3) * 4;

/** Time between a collector's questions whether the server is there, and for a sign of life of it. */
const [PING_MS, SILENCE_MS] = [15_000, 30_000];

/** Name and domain of an account. */
const ACCOUNT = /^[^\s@/<>&'"]+@([^\s@/<>&'"]+)$/;

/**
 * Checks that an account has the name that the other side sends to.
 * @throws MetersealError MS_USAGE
 */
export function requireAccount(address: BrokerAddress, name: string): void {
    const account = `${name}@${domainOf(address)}`;
    if (address.username === account) return;
    throw badOption("username", account, address.username ?? "");
}

/**
 * Domain of an account `NAME@DOMAIN`.
 * @throws MetersealError MS_USAGE for a user name of another form.
 */
function domainOf({ username = "" }: BrokerAddress): string {
    const [, domain] = ACCOUNT.exec(username) ?? [];
    if (domain === undefined) throw badOption("username", "NAME@DOMAIN", username);
    return domain;
}

/**
 * Connects to an XMPP server with an account of one's own: a meter's is its subject, the collector's
 * the tenant, both on the domain of `username` (`NAME@DOMAIN`). Frames are headlines, which no server
 * keeps for the absent; who sent one is what the server vouches for.
 */
export function openXmppPort(
    address: BrokerAddress,
    subjectHex: string,
    events: BrokerEvents,
): BrokerPort {
    return new XmppPort(address, subjectHex, events).begin();
}

class XmppPort extends ClientPort<Client> {
    readonly #domain: string;
    #xml: typeof Xml | null = null;
    #isUp = false;
    #pings: NodeJS.Timeout | undefined;
    #silence: NodeJS.Timeout | undefined;

    constructor(address: BrokerAddress, subjectHex: string, events: BrokerEvents) {
        super(address, subjectHex, events);
        this.#domain = domainOf(address);
    }

    protected override async connect(): Promise<void> {
        const { client, xml } = await loadOptional("@xmpp/client", () => import("@xmpp/client"));
        if (this.isDown) return;
        const { password = "", url, username = "" } = this.address;
        const made = client({
            ...{ service: url, domain: this.#domain },
            ...{ username: username.slice(0, username.indexOf("@")), password },
        });
        this.connection = made;
        this.#xml = xml;
        useOwnSocket(made, placeOf(this.address, this.#domain));
        made.reconnect.stop(); // whoever uses the port makes a new one
        made.on("error", (cause: Error) => this.down(...failureOf(cause)));
        made.on("disconnect", () => this.down("connection lost"));
        made.on("offline", () => this.down("connection lost"));
        made.on("stanza", (stanza: Element) => {
            this.#silence?.refresh();
            this.#take(stanza);
        });
        await made.start();
        await made.send(xml("presence"));
        if (this.isDown) return;
        this.#isUp = true;
        if (this.isCollector) this.#watch(made, xml);
        this.events.up();
    }

    /**
     * Asks the server for a sign of life (XEP-0199): a path that went silent tells nobody. A meter finds
     * that out by the probes of its session.
     */
    #watch(client: Client, xml: typeof Xml): void {
        const attributes = { type: "get", to: this.#domain, id: "ping" };
        const ping = (): Element => xml("iq", attributes, xml("ping", { xmlns: "urn:xmpp:ping" }));
        this.#pings = setInterval(() => client.send(ping()).catch(() => {}), PING_MS);
        this.#silence = setTimeout(() => this.down("silence"), SILENCE_MS);
    }

    override send(subjectHex: string, bytes: Uint8Array): boolean {
        const [client, xml] = [this.connection, this.#xml];
        if (client === null || xml === null || !this.#isUp || !this.takePlace()) return false;
        const name = this.isCollector ? subjectHex : this.address.tenant;
        const attributes = { to: `${name}@${this.#domain}`, type: "headline" };
        const text = Buffer.from(bytes).toString("base64");
        client.send(xml("message", attributes, xml("frame", { xmlns: NAMESPACE }, text))).then(
            () => this.givePlaceBack(),
            (cause: unknown) => this.down(...failureOf(cause)),
        );
        return true;
    }

    protected override async goodbye(client: Client): Promise<void> {
        client.on("error", () => {});
        await client.stop();
    }

    protected override discard(client: Client | null): void {
        clearInterval(this.#pings);
        clearTimeout(this.#silence);
        client?.socket?.destroy();
    }

    #take(stanza: Element): void {
        if (this.isDown || !stanza.is("message") || stanza.attrs.type !== "headline") return;
        const text = stanza.getChildText("frame", NAMESPACE);
        if (text === null || text.length > FRAME_CHARACTERS) return;
        const [name = "", domain = ""] = (stanza.attrs.from ?? "").split(/[@/]/);
        const isMine = this.isCollector || name === this.address.tenant;
        if (domain !== this.#domain || !isMine) return;
        this.events.frame(name, new Uint8Array(Buffer.from(text, "base64")));
    }
}

/** Ports of client connections (RFC 6120 14.7, XEP-0368). */
const [PORT, DIRECT_PORT] = [5_222, 5_223];

function placeOf(address: BrokerAddress, domain: string): XmppPlace {
    const url = new URL(address.url);
    const isDirect = url.protocol === "xmpps:";
    return {
        ...{ host: hostOf(url), port: Number(url.port || (isDirect ? DIRECT_PORT : PORT)) },
        ...{ domain, isDirect, mayBePlain: mayBePlain(address) },
        ...(address.ca === undefined ? {} : { ca: address.ca }),
    };
}

/** Has a client of the library connect through a socket of ours. */
function useOwnSocket({ transports }: Client, place: XmppPlace): void {
    const tcp = transports.find(({ prototype }) => prototype.socketParameters("xmpp://host"));
    assert(tcp !== undefined, "the library speaks XMPP over TCP");
    class OwnTransport extends tcp {
        override socketParameters(): XmppPlace {
            return place;
        }
    }
    Object.assign(OwnTransport.prototype, { Socket: XmppSocket });
    transports.splice(0, transports.length, OwnTransport);
}
