/** What is used of @xmpp/client, which brings no types. */
declare module "@xmpp/client" {
    import type { EventEmitter } from "node:events";

    export type Element = {
        readonly name: string;
        readonly attrs: Readonly<Record<string, string | undefined>>;
        getChildText(name: string, namespace?: string): string | null;
        is(name: string): boolean;
    };
    /** How an address is connected to: the first that has parameters for it. */
    export type Transport = new (
        ...words: never[]
    ) => {
        socketParameters(service: string): object | undefined;
    };
    export interface Client extends EventEmitter {
        readonly reconnect: { stop(): void };
        readonly socket: { destroy(): void } | null;
        readonly transports: Transport[];
        start(): Promise<unknown>;
        stop(): Promise<unknown>;
        send(element: Element): Promise<void>;
    }
    export function client(options: {
        readonly service: string;
        readonly domain: string;
        readonly username: string;
        readonly password: string;
    }): Client;
    export function xml(
        name: string,
        attributes?: Readonly<Record<string, string>>,
        ...children: readonly (Element | string)[]
    ): Element;
}
