import { verifyDirectory } from "../../packages/node/src/verify/verify.ts";
import { median, timed } from "../lib/measure.ts";
import { feed, packMessages } from "../lib/messages.ts";
import { makeMeters } from "../lib/meters.ts";
import { measureVerifyLimit } from "../lib/openssl.ts";
import type { Suite } from "../lib/report.ts";
import { openRoles } from "../lib/roles.ts";
import { inTempDirectory } from "../lib/temp.ts";

const METERS = 50;
const RECORDS_PER_METER = 80;
const READINGS_PER_RECORD = 96;
const ROUNDS = 3;

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
            let source = "";
            let signatures = 0;
            let readings = 0;
            for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
                const limit = await measureVerifyLimit();
                source = limit.source;
                limits.push(limit.perS);
                const { cost, result } = await timed(() => verifyDirectory(dataDir, [], () => {}));
                if (result.faults.length > 0) throw new Error(JSON.stringify(result.faults[0]));
                signatures = result.counts.signatures;
                readings = result.counts.readings;
                rates.push(signatures / cost.wallS);
                perCpu.push(signatures / cost.cpuS);
            }
            const rate = median(rates);
            const limit = median(limits);
            return {
                rows: [
                    {
                        what: `${readings} readings in ${signatures} signatures`,
                        ours: { value: rate, unit: "signatures/s" },
                        against: { value: limit, unit: "verify/s", of: source },
                        ratio: rate / limit,
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
                    `signatures per CPU-second, all threads: ${Math.round(median(perCpu))}; rounds ${rates.map(Math.round).join(", ")} a second`,
                ],
            };
        }),
};
