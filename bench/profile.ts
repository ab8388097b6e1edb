/** `node bench/profile.ts FILE.cpuprofile ...`: where the main thread of a profiled process spent its time. */
import { defaultBucket, readProfile } from "./lib/profile.ts";

const byFunction = process.argv.includes("--functions");
for (const path of process.argv.slice(2).filter((word) => !word.startsWith("--"))) {
    const shares = readProfile(path, (frame) => {
        const bucket = defaultBucket(frame);
        return bucket !== null && byFunction ? `${bucket} ${frame.functionName}` : bucket;
    });
    const busy = shares.filter(({ name }) => !name.startsWith("idle"));
    const total = busy.reduce((sum, { seconds }) => sum + seconds, 0);
    console.log(`\n${path}: ${total.toFixed(2)} s busy`);
    for (const { name, seconds } of busy.slice(0, 40)) {
        console.log(`${((100 * seconds) / total).toFixed(1).padStart(5)} %  ${name}`);
    }
}
