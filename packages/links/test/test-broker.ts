import type { BrokerEvents, BrokerPort } from "../src/broker/port.ts";

type Client = { readonly events: BrokerEvents; readonly subjectHex: string };

/** A broker in memory, whose clients can be cut off, and which may go silent. */
export class TestBroker {
    readonly #clients = new Set<Client>();
    #isSilent = false;

    /** Connects a meter, or with `+` a collector. */
    open(subjectHex: string, events: BrokerEvents): BrokerPort {
        const client: Client = { events, subjectHex };
        this.#clients.add(client);
        setImmediate(() => {
            if (this.#clients.has(client)) events.up();
        });
        return {
            send: (to, bytes) => {
                if (!this.#clients.has(client)) return false;
                const copy = Uint8Array.from(bytes);
                const wanted = subjectHex === "+" ? to : "+";
                if (this.#isSilent) return true;
                setImmediate(() => {
                    for (const each of this.#clients) {
                        if (each.subjectHex === wanted) each.events.frame(to, copy);
                    }
                });
                return true;
            },
            close: async () => {
                await new Promise((resolve) => setImmediate(resolve));
                this.#clients.delete(client);
            },
        };
    }

    /** Ends the connections of all meters. */
    cut(): void {
        for (const client of [...this.#clients]) {
            if (client.subjectHex === "+") continue;
            this.#clients.delete(client);
            client.events.down("cut");
        }
    }

    silence(isSilent: boolean): void {
        this.#isSilent = isSilent;
    }
}
