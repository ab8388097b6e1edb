/** `node bench/profile.ts FILE.cpuprofile ... [--stages | --functions]`: where a main thread spent its time. */
import { type Bucket, defaultBucket, readProfile } from "./lib/profile.ts";
import { stageBucket } from "./lib/stages.ts";

const LINES = 40;

const byFunction: Bucket = (frame) => {
    const bucket = defaultBucket(frame);
    return bucket === null ? null : `${bucket} ${frame.functionName}`;
};
const bucketOf = process.argv.includes("--stages")
    ? stageBucket
    : process.argv.includes("--functions")
      ? byFunction
      : defaultBucket;
for (const path of process.argv.slice(2).filter((word) => !word.startsWith("--"))) {
    const busy = readProfile(path, bucketOf).filter(({ name }) => !name.startsWith("idle"));
    const total = busy.reduce((sum, { seconds }) => sum + seconds, 0);
    console.log(`\n${total.toFixed(2)} s busy`);
    for (const { name, seconds } of busy.slice(0, LINES)) {
        console.log(`${((100 * seconds) / total).toFixed(1).padStart(5)} %  ${name}`);
    }
}
