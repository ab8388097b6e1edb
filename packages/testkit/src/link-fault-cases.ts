import { utf8 } from "@meterseal/core";
import { expect } from "vitest";
import { type Check, failureOf, inTime, pause, SUBJECT_A, SUBJECT_B } from "./link-bed.ts";
import { until } from "./link-world.ts";

/** What a link does when its path or its peer fails. */
export function survives(check: Check): void {
    check(
        "rejects what is under way when the connection breaks, and comes up again",
        async (world) => {
            const link = await world.listen();
            const meter = await world.meter();
            world.collector.onReceive = () => new Promise(() => {});
            const sent = [utf8("1"), utf8("2")].map((message) =>
                failureOf(meter.link.send(message)),
            );
            await until(() => world.collector.received.length === 2, "both messages");
            world.bed.cut();
            expect((await Promise.all(sent)).map((failure) => failure.code)).toEqual([
                "MS_LINK",
                "MS_LINK",
            ]);
            world.collector.onReceive = null;
            await meter.sendUntilAcknowledged(utf8("3"));
            await until(() => link.deliver(SUBJECT_A, utf8("receipt")), "the new connection");
            await until(() => meter.messages.length === 1, "the receipt");
            expect([meter.ups, meter.downs]).toEqual([2, 1]);
            expect(world.collector.texts()).toEqual(["1", "2", "3"]); // nothing sent again by the link
        },
    );

    check(
        "goes on after the collector side starts again; what was acknowledged is there",
        async (world) => {
            const first = await world.listen();
            const meter = await world.meter();
            const texts = Array.from({ length: 300 }, (_, i) => `message ${i}`);
            world.collector.onReceive = () => pause(2);
            const all = meter.sendAll(texts.map(utf8), 20);
            await until(() => world.collector.received.length > 60, "some messages");
            await first.close();
            const acknowledged = [...meter.acknowledged];
            const before = new Set(world.collector.texts());
            expect(acknowledged.filter((text) => !before.has(text))).toEqual([]);
            await world.listen();
            await all;
            expect(meter.downs).toBe(1);
            expect(new Set(world.collector.texts())).toEqual(new Set(texts));
        },
    );

    check(
        "rejects what is sent before the link is up, and does not send it later",
        async (world) => {
            await world.listen();
            const meter = await world.meter(SUBJECT_A, false);
            expect((await failureOf(meter.link.send(utf8("early")))).code).toBe("MS_LINK");
            await meter.sendUntilAcknowledged(utf8("m"));
            expect(world.collector.texts()).toEqual(["m"]);
        },
    );

    check("connects when the collector comes after the meter", async (world) => {
        const meter = await world.meter(SUBJECT_A, false);
        await pause(50);
        expect(meter.isUp).toBe(false);
        await world.listen();
        await meter.sendUntilAcknowledged(utf8("late"));
    });

    check("notices a connection that went silent", async (world, skip) => {
        const { bed } = world;
        if (bed.freeze === undefined) {
            skip();
            return;
        }
        const link = await world.listen();
        const meter = await world.meter();
        bed.freeze(true);
        const lost = failureOf(meter.link.send(utf8("m")));
        expect((await lost).code).toBe("MS_LINK");
        await until(async () => !(await link.deliver(SUBJECT_A, utf8("?"))), "the silence", 5_000);
        bed.freeze(false);
        await meter.sendUntilAcknowledged(utf8("m"));
    });
}

/** How a link ends. */
export function closes(check: Check): void {
    check("closes a meter link within 2 s in every state", async (world) => {
        const unopened = world.bed.meter(SUBJECT_A, () => Promise.resolve(utf8("t")));
        await inTime(unopened.close());
        const absent = await world.meter(SUBJECT_A, false);
        await inTime(absent.link.close());
        await world.listen();
        const busy = await world.meter(SUBJECT_A);
        world.collector.onReceive = () => new Promise(() => {});
        const lost = failureOf(busy.link.send(utf8("m")));
        await inTime(busy.link.close());
        expect((await lost).code).toBe("MS_LINK");
        expect((await failureOf(busy.link.send(utf8("m")))).code).toBe("MS_LINK");
        const refused = await world.meter(SUBJECT_B, false);
        refused.tokenValid = false;
        await inTime(refused.link.close());
        const idle = await world.meter(SUBJECT_B);
        world.bed.freeze?.(true);
        await inTime(idle.link.close());
        await inTime(idle.link.close());
        world.bed.freeze?.(false);
        const upsAtClose = [busy.ups, idle.ups];
        await pause(300);
        expect([busy.ups, idle.ups]).toEqual(upsAtClose); // closed for good
    });

    check(
        "closes a collector link within 2 s in every state, and takes the connections along",
        async (world) => {
            const first = await world.listen();
            const meter = await world.meter();
            await inTime(first.close());
            await inTime(first.close());
            await until(() => !meter.isUp, "the end of the connection");
            const second = await world.listen();
            await meter.untilUp();
            world.collector.onReceive = () => new Promise(() => {});
            const lost = failureOf(meter.link.send(utf8("m")));
            await until(() => world.collector.received.length === 1, "the message");
            await inTime(second.close());
            expect((await lost).code).toBe("MS_LINK");
            expect(await second.deliver(SUBJECT_A, utf8("m"))).toBe(false);
        },
    );

    check("acknowledges what was taken before it closes", async (world, skip) => {
        if (world.bed.closesAtOnce === true) {
            skip();
            return;
        }
        const link = await world.listen();
        const meter = await world.meter();
        world.collector.onReceive = () => pause(100);
        const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`);
        const acknowledged: string[] = [];
        const sent = texts.map((text) =>
            meter.link.send(utf8(text)).then(
                () => acknowledged.push(text),
                () => undefined,
            ),
        );
        await until(() => world.collector.received.length > 10, "some messages");
        await inTime(link.close());
        await Promise.all(sent);
        expect(acknowledged.toSorted()).toEqual(world.collector.texts().toSorted());
    });
}
