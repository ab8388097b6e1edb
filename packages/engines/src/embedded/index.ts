export { EmbeddedEngine, type EmbeddedEngineOptions } from "./engine.ts";
