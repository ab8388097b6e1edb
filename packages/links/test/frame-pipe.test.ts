import { PassThrough } from "node:stream";
import { utf8 } from "@meterseal/core";
import { describe, expect, it } from "vitest";
import { encodeFrame } from "../src/stream/framing.ts";
import { FramePipe } from "../src/stream/pipe.ts";

/** What a pipe tells, in order, when a frame takes its time. */
async function told(write: (stream: PassThrough) => void): Promise<string[]> {
    const stream = new PassThrough();
    const said: string[] = [];
    const ended = Promise.withResolvers<void>();
    new FramePipe(stream, {
        frame: async (frame) => {
            await new Promise((resolve) => setTimeout(resolve, 5));
            said.push(new TextDecoder().decode(frame));
        },
        ended: (reason) => {
            said.push(reason);
            ended.resolve();
        },
    });
    write(stream);
    await ended.promise;
    return said;
}

describe("frames over a stream", () => {
    it("are looked at to the last before its end is told", async () => {
        const said = await told((stream) => {
            stream.write(encodeFrame(utf8("one")));
            setImmediate(() => stream.end(encodeFrame(utf8("last"))));
        });
        expect(said).toEqual(["one", "last", "the other side ended it"]);
    });

    it("are left where the stream is lost", async () => {
        const said = await told((stream) => {
            stream.write(encodeFrame(utf8("one")));
            setImmediate(() => stream.destroy());
        });
        expect(said[0]).toBe("connection lost");
    });
});
