import { verifyDirectory } from "../../packages/node/src/verify/verify.ts";
import { median, timed } from "../lib/measure.ts";
import { feed, packMessages } from "../lib/messages.ts";
import { makeMeters } from "../lib/meters.ts";
import { measureVerifyLimit, verifyPerCpuSecond } from "../lib/openssl.ts";
import type { Suite } from "../lib/report.ts";
import { openRoles } from "../lib/roles.ts";
import { inTempDirectory } from "../lib/temp.ts";

const METERS = 50;
/** A million readings in all. */
const RECORDS_PER_METER = 209;
const READINGS_PER_RECORD = 96;
const ROUNDS = 5;

/** The auditor's check of a whole data directory against the speed of the signature check alone. */
export const verifySuite: Suite = {
    name: "verify",
    title: "`verify` of a data directory: every signature, link, rule, leaf and checkpoint",
    run: ({ quick }) =>
        inTempDirectory(async (dataDir) => {
            const roles = await openRoles(dataDir);
            const meters = makeMeters(METERS, 1);
            const anchors = await roles.enrol(meters);
            const perMeter = quick ? 21 : RECORDS_PER_METER;
            await feed(
                roles.collector,
                await packMessages(meters, anchors, perMeter, READINGS_PER_RECORD),
            );
            await roles.close();
            const limits: number[] = [];
            const rates: number[] = [];
            const perCpu: number[] = [];
            const ownLimits: number[] = [];
            let source = "";
            let signatures = 0;
            let readings = 0;
            for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
                const limit = await measureVerifyLimit();
                source = limit.source;
                limits.push(limit.perS);
                ownLimits.push(verifyPerCpuSecond());
                const { cost, result } = await timed(() => verifyDirectory(dataDir, [], () => {}));
                if (result.faults.length > 0) throw new Error(JSON.stringify(result.faults[0]));
                signatures = result.counts.signatures;
                readings = result.counts.readings;
                rates.push(signatures / cost.wallS);
                perCpu.push(signatures / cost.cpuS);
            }
            const rate = median(rates);
            const limit = median(limits);
            const [ofCpu, ownLimit] = [median(perCpu), median(ownLimits)];
            return {
                rows: [
                    {
                        what: `${readings} readings in ${signatures} signatures`,
                        ours: { value: rate, unit: "signatures/s" },
                        against: { value: limit, unit: "verify/s", of: source },
                        ratio: rate / limit,
                        target: { on: "ratio", atLeast: 0.7 },
                    },
                    {
                        what: "the same, per CPU-second of all threads",
                        ours: { value: ofCpu, unit: "signatures" },
                        against: { value: ownLimit, unit: "verify", of: "node:crypto" },
                        ratio: ofCpu / ownLimit,
                        target: null,
                    },
                    {
                        what: "readings checked",
                        ours: { value: (rate * readings) / signatures, unit: "readings/s" },
                        against: null,
                        ratio: null,
                        target: null,
                    },
                ],
                facts: [
                    `rounds ${rates.map(Math.round).join(", ")} signatures a second beside ${limits.map(Math.round).join(", ")}`,
                ],
            };
        }),
};
