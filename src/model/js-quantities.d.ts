/** What is used of js-quantities, which brings no types. */
declare module "js-quantities" {
  export interface QuantityConstructor {
    /** Throws where it is no quantity. */
    (text: string): { units(): string };
    /** Throws where one of them is not known or they measure different things. */
    swiftConverter(from: string, to: string): (value: number) => number;
  }
  const Quantity: QuantityConstructor;
  export default Quantity;
}
