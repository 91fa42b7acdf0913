/** Where a containerd that is started with `metricsConfig` tells its figures. */
const address = '127.0.0.1:1338';

export const metricsConfig = `[metrics]\naddress = "${address}"\n`;

/** How often each method was called since containerd's start, as `containers.v1.Containers/Get`, by the figures that it keeps itself. */
export async function callsSoFar(): Promise<Map<string, number>> {
  const text = await (await fetch(`http://${address}/v1/metrics`)).text();
  const counted = new Map<string, number>();
  for (const [, method = '', service = '', times] of text.matchAll(
    /^grpc_server_started_total\{grpc_method="(\w+)",grpc_service="containerd\.services\.([\w.]+)".*\} (\d+)$/gm,
  ))
    counted.set(`${service}/${method}`, Number(times));
  return counted;
}
