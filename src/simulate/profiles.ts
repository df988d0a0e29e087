import type { Profile } from "./profile.ts";
import { building } from "./profiles/building.ts";
import { coldChain } from "./profiles/cold-chain.ts";
import { energy } from "./profiles/energy.ts";
import { factory } from "./profiles/factory.ts";
import { vehicles } from "./profiles/vehicles.ts";
import { weather } from "./profiles/weather.ts";

export const PROFILES: readonly Profile[] = [factory, coldChain, building, weather, energy, vehicles];
