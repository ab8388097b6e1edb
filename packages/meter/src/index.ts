/**
 * Layer 4: the meter's own software and its simulator. I/O through ports.
 *
 * @packageDocumentation
 */
export { DEFAULT_RECORD_BOUNDARIES, MeterAgent, type MeterAgentOptions } from "./agent.ts";
export { createLinkToken } from "./link-token.ts";
export { type MeterProfile, sealedStreamOf } from "./profile.ts";
export type { Boundary } from "./sealer.ts";
export {
    LONDON_INTERVALS_PER_DAY,
    LONDON_MISSING,
    LONDON_UNITS_PER_KWH,
    type LondonHome,
    parseLondonCsv,
} from "./simulator/london-csv.ts";
export {
    LONDON_SLOT_SECONDS,
    LONDON_YEAR,
    type RegisterBoundary,
    registerSeries,
    registerSeriesLength,
} from "./simulator/register-series.ts";
