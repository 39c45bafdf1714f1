global using VirtualServices.Model;
global using VirtualServices.Rules;
