/** `watchpost mqtt`: the MQTT brokers that points come from. */
import { Command } from "commander";
import { mqttStatusCommand } from "./mqtt-status.ts";

const HELP = `
Brokers and their topic patterns stand in the server's configuration: [mqtt.NAME] and [[mqtt.NAME.topics]], see docs/mqtt.md.

Example:
  watchpost mqtt status`;

export function mqttCommand(): Command {
  return new Command("mqtt")
    .summary("the MQTT brokers that points come from: status")
    .description("Shows the MQTT brokers that a server takes points from.")
    .addCommand(mqttStatusCommand())
    .addHelpText("after", HELP);
}
