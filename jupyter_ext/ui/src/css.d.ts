/** The plugin's build makes a style sheet into its text. */
declare module "*.css" {
  const text: string;
  export default text;
}
