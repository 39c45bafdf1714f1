global using VirtualServices.Model;
