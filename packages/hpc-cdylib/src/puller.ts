import type { PluginConf } from "./conf";
export async function greetBackend(conf: PluginConf): Promise<void> {
  throw new Error(`not yet ${conf.backend}`);
}
